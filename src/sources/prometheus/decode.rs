//! From the bytes of an answer to columns.
//!
//! In: the JSON of `/api/v1/query`. Out: [`Answer`]: labels by series, times and values as columns, and the server's warnings.
//! Rule: everything is kept as the server said it, NaN and infinities too; who asked decides. Assumes: the whole body is in memory.
//! Does not: keep the typed structs of a client crate, which buffer the body twice and lose the warnings. Native histograms are skipped.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A matrix or vector, in columns: series `i` owns the samples `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Default, PartialEq)]
pub struct Matrix {
    pub labels: Vec<BTreeMap<String, String>>,
    pub offsets: Vec<usize>,
    pub ts_ms: Vec<i64>,
    pub value: Vec<f64>,
}

/// What the server said, error or not.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub status: String,
    pub data: Option<Data>,
    #[serde(default)]
    pub warnings: Option<Vec<String>>,
    #[serde(default, rename = "errorType")]
    pub error_type: String,
    #[serde(default)]
    pub error: String,
}

#[derive(Debug, Deserialize)]
pub struct Data {
    #[serde(default)]
    pub result: Matrix,
}

impl Answer {
    pub fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllSeries;
        impl<'de> Visitor<'de> for AllSeries {
            type Value = Matrix;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of series")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Matrix, A::Error> {
                let mut matrix = Matrix { offsets: vec![0], ..Matrix::default() };
                while list.next_element_seed(OneSeries(&mut matrix))?.is_some() {}
                Ok(matrix)
            }
        }
        deserializer.deserialize_seq(AllSeries)
    }
}

/// The keys of a series object. `value` is what a vector has in place of `values`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    Metric,
    Values,
    Value,
    #[serde(other)]
    Other,
}

struct OneSeries<'a>(&'a mut Matrix);

impl<'de> DeserializeSeed<'de> for OneSeries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneSeries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series with `metric` and `values`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut labels = None;
        while let Some(key) = object.next_key()? {
            match key {
                Key::Metric => labels = Some(object.next_value()?),
                Key::Values => object.next_value_seed(Samples(self.0))?,
                Key::Value => {
                    let sample = object.next_value()?;
                    self.0.push(&sample);
                }
                Key::Other => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        self.0.labels.push(labels.ok_or_else(|| de::Error::missing_field("metric"))?);
        self.0.offsets.push(self.0.ts_ms.len());
        Ok(())
    }
}

struct Samples<'a>(&'a mut Matrix);

impl<'de> DeserializeSeed<'de> for Samples<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Samples<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of samples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(sample) = list.next_element()? {
            self.0.push(&sample);
        }
        Ok(())
    }
}

impl Matrix {
    fn push(&mut self, Sample(seconds, Value(value)): &Sample) {
        // Seconds with at most three decimals: a double holds them exactly enough to round back to the millisecond.
        self.ts_ms.push((seconds * 1000.0).round() as i64);
        self.value.push(*value);
    }
}

#[derive(Deserialize)]
struct Sample(f64, Value);

/// A value is text, because JSON has no NaN.
struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                text.parse().map(Value).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_becomes_columns_and_keeps_its_warnings() {
        let body = br#"{"status":"success","warnings":["remote_read: gone"],"data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"x","a":"1"},"values":[[1435781430.781,"1.5"],[1435781431,"NaN"]]},
            {"metric":{"a":"2"},"histograms":[[1,{"count":"1"}]],"values":[[1435781432,"+Inf"],[1435781433.5,"-Inf"]]}]}}"#;
        let answer = Answer::from_json(body).unwrap();
        assert_eq!(answer.warnings.unwrap(), ["remote_read: gone"]);
        let matrix = answer.data.unwrap().result;
        assert_eq!(matrix.offsets, [0, 2, 4]);
        assert_eq!(matrix.ts_ms, [1_435_781_430_781, 1_435_781_431_000, 1_435_781_432_000, 1_435_781_433_500]);
        assert_eq!(matrix.value[0], 1.5);
        assert!(matrix.value[1].is_nan());
        assert_eq!(matrix.value[2..], [f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(matrix.labels[0]["__name__"], "x");
    }

    #[test]
    fn a_vector_is_a_matrix_of_one_sample() {
        let body = br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[7,"42"]}]}}"#;
        let matrix = Answer::from_json(body).unwrap().data.unwrap().result;
        assert_eq!((matrix.ts_ms, matrix.value), (vec![7000], vec![42.0]));
    }

    #[test]
    fn a_cut_answer_is_an_error_at_every_byte() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[1,"1"],[2,"2"]]}]}}"#;
        assert!(Answer::from_json(body).is_ok());
        for cut in 0..body.len() {
            assert!(Answer::from_json(&body[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn an_error_answer_keeps_its_words() {
        let body = br#"{"status":"error","errorType":"execution","error":"too many samples"}"#;
        let answer = Answer::from_json(body).unwrap();
        assert_eq!((answer.status.as_str(), answer.error_type.as_str(), answer.error.as_str()), ("error", "execution", "too many samples"));
        assert!(answer.data.is_none());
    }
}
