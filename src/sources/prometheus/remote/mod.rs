//! Remote read: the server's own chunks, streamed.
//!
//! In: matchers and a range. Out: samples in columns. Rule: a reply counts only whole, every frame by its checksum and the stream by its clean
//! end; nothing of a cut one is kept. Stale markers end series and are no samples. Chunks are cut to the range, because servers send more.
//! Assumes: chunks of encoding XOR; others are refused by name. Does not: see warnings; remote read has none, and `server` decides by that.

mod frames;
mod messages;
mod xor;

use std::ops::Range;

use prost::Message;
use prost::bytes::Bytes;

use self::frames::Frames;
use self::messages::{ChunkedReadResponse, LabelMatcher, Query, ReadRequest, STREAMED_XOR_CHUNKS, XOR};
use super::client::{Client, Fault, again, passing};
use super::columns::{Columns, Labels};
use super::matchers::{Comparison, Matcher};
use crate::sources::{Reach, Refusal};

/// The value by which Prometheus marks that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A reply, and what is needed to hold it against the server's own count.
#[derive(Debug, Default)]
pub struct Reply {
    pub columns: Columns,
    /// Samples at the very start of the range, and at its end, which is no part of it.
    pub at_start: u64,
    pub at_end: u64,
    pub has_an_end: bool,
}

/// The body of a request for a range in milliseconds, both ends included.
pub fn request(matchers: &[Matcher], range_ms: &Range<i64>) -> Vec<u8> {
    let matchers = matchers.iter().map(|matcher| LabelMatcher {
        kind: match matcher.comparison {
            Comparison::Equal => 0,
            Comparison::NotEqual => 1,
            Comparison::Matches => 2,
            Comparison::MatchesNot => 3,
        },
        name: matcher.label.clone(),
        value: matcher.value.clone(),
    });
    let query = Query { start_timestamp_ms: range_ms.start, end_timestamp_ms: range_ms.end, matchers: matchers.collect() };
    let request = ReadRequest { queries: vec![query], accepted_response_types: vec![STREAMED_XOR_CHUNKS] };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("a request is far shorter than 4 GiB")
}

/// Samples of `[start, end)`, again where that may help. `external` are label pairs that are no part of a series here.
pub async fn read(client: &Client, matchers: &[Matcher], range_ms: Range<i64>, external: &[(String, String)]) -> Result<Reply, Fault> {
    let request = request(matchers, &range_ms);
    again(|| read_once(client, &request, &range_ms, external)).await
}

async fn read_once(client: &Client, request: &[u8], range_ms: &Range<i64>, external: &[(String, String)]) -> Result<Reply, Fault> {
    let mut stream = client.read(request).await?;
    let mut decoder = Decoder::new(range_ms.clone(), external);
    decoder.reply.has_an_end = stream.has_an_end();
    while let Some(part) = stream.next().await? {
        decoder.push(&part)?;
    }
    decoder.finish()
}

/// Decodes a reply piece by piece.
pub struct Decoder<'a> {
    frames: Frames,
    range_ms: Range<i64>,
    external: &'a [(String, String)],
    reply: Reply,
}

impl<'a> Decoder<'a> {
    pub fn new(range_ms: Range<i64>, external: &'a [(String, String)]) -> Self {
        Self { frames: Frames::default(), range_ms, external, reply: Reply::default() }
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.frames.push(bytes);
        while let Some(frame) = self.frames.next().map_err(passing)? {
            self.take(frame)?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Reply, Fault> {
        self.frames.finish().map_err(passing)?;
        Ok(self.reply)
    }

    fn take(&mut self, frame: Bytes) -> Result<(), Fault> {
        let message = ChunkedReadResponse::decode(frame).map_err(|error| passing(format!("a frame is no message: {error}")))?;
        for series in message.chunked_series {
            let mut labels: Labels = series.labels.into_iter().map(|label| (label.name, label.value)).collect();
            without_external(&mut labels, self.external);
            let start = self.reply.columns.len();
            let received = self.reply.columns.received;
            for chunk in &series.chunks {
                if chunk.encoding != XOR {
                    return Err(unknown_encoding(&labels, chunk.encoding));
                }
                self.decode(&chunk.data).map_err(|_| passing("a chunk is malformed".to_owned()))?;
            }
            if self.reply.columns.received > received {
                self.reply.columns.close(labels, start);
            }
        }
        Ok(())
    }

    fn decode(&mut self, chunk: &[u8]) -> Result<usize, xor::Malformed> {
        let Range { start, end } = self.range_ms;
        let Reply { columns, at_start, at_end, .. } = &mut self.reply;
        columns.reserve(chunk.first_chunk().map_or(0, |count| usize::from(u16::from_be_bytes(*count))));
        xor::decode(chunk, |ts_ms, value| {
            if value.to_bits() == STALE {
                return;
            }
            if ts_ms >= start && ts_ms < end {
                *at_start += u64::from(ts_ms == start);
                columns.push(ts_ms, value);
            } else if ts_ms == end {
                *at_end += 1;
            }
        })
    }
}

/// Takes away what a server adds to every series it hands on: the query API does not, and both must give the same.
pub fn without_external(labels: &mut Labels, external: &[(String, String)]) {
    for (name, value) in external {
        if labels.get(name) == Some(value) {
            labels.remove(name);
        }
    }
}

fn unknown_encoding(labels: &Labels, encoding: i32) -> Fault {
    let what = match encoding {
        2 | 3 => "a native histogram".to_owned(),
        other => format!("chunks of encoding {other}"),
    };
    let metric = labels.get("__name__").map_or("a series", String::as_str);
    let message = format!("{metric} is stored as {what}, which this version does not decode");
    Fault::Final(
        Refusal::new("PROM_CHUNK", Reach::Range, message).hint("ask in another way: `read = \"query\"` in the cluster's `prometheus`"),
    )
}

#[cfg(test)]
mod tests {
    use super::frames::framed;
    use super::messages::{Chunk, ChunkedSeries, Label};
    use super::*;

    /// A chunk of one sample: count, zigzag time, value.
    fn one(ts_ms: i64, value: f64) -> Bytes {
        let mut bytes = vec![0, 1];
        prost::encoding::encode_varint(((ts_ms << 1) ^ (ts_ms >> 63)).cast_unsigned(), &mut bytes);
        bytes.extend(value.to_bits().to_be_bytes());
        bytes.into()
    }

    fn reply(encoding: i32, chunks: Vec<Bytes>) -> Vec<u8> {
        let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        let chunks = chunks.into_iter().map(|data| Chunk { min_time_ms: 0, max_time_ms: 0, encoding, data }).collect();
        let series = ChunkedSeries { labels: vec![label("__name__", "x"), label("cluster", "prod"), label("own", "prod")], chunks };
        framed(&ChunkedReadResponse { chunked_series: vec![series], query_index: 0 }.encode_to_vec())
    }

    fn decoded(stream: &[u8]) -> Result<Reply, Fault> {
        let external = [("cluster".to_owned(), "prod".to_owned()), ("own".to_owned(), "else".to_owned())];
        let mut decoder = Decoder::new(10..20, &external);
        decoder.push(stream)?;
        decoder.finish()
    }

    #[test]
    fn a_reply_is_cut_to_its_range_without_stale_markers_and_external_labels() {
        let stale = one(15, f64::from_bits(STALE));
        let chunks = vec![one(9, 1.0), one(10, 2.0), stale, one(16, f64::NAN), one(19, 3.0), one(20, 4.0)];
        let reply = decoded(&reply(XOR, chunks)).unwrap();
        assert_eq!((reply.columns.received, reply.columns.not_finite, reply.at_start, reply.at_end), (3, 1, 1, 1));
        let joined = reply.columns.join();
        assert_eq!((joined.ts_ms, joined.value), (vec![10, 19], vec![2.0, 3.0]));
        let names: Vec<&str> = joined.series[0].0.keys().map(String::as_str).collect();
        assert_eq!(names, ["__name__", "own"]);
    }

    #[test]
    fn a_series_of_which_nothing_is_in_the_range_is_not_there() {
        let stale = one(15, f64::from_bits(STALE));
        assert_eq!(decoded(&reply(XOR, vec![one(9, 1.0), stale])).unwrap().columns.series_count(), 0);
    }

    #[test]
    fn an_encoding_that_is_not_known_is_refused_by_name() {
        for (encoding, words) in [(2, "native histogram"), (4, "encoding 4")] {
            match decoded(&reply(encoding, vec![one(10, 1.0)])) {
                Err(Fault::Final(refusal)) => {
                    assert_eq!(refusal.code, "PROM_CHUNK");
                    assert!(refusal.message.starts_with("x is stored") && refusal.message.contains(words), "{refusal}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_cut_reply_may_pass_and_leaves_nothing() {
        let stream = reply(XOR, vec![one(10, 1.0), one(11, 2.0)]);
        for cut in 1..stream.len() {
            assert!(matches!(decoded(&stream[..cut]), Err(Fault::Passing { .. })), "cut at {cut}");
        }
    }
}
