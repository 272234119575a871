//! Decodes a chunk of samples: delta-of-delta times and XORed values, as `prometheus/tsdb/chunkenc/xor.go` writes them.
//!
//! In: a chunk's bytes. Out: its samples, one after the other. Rule: a chunk that ends before its own count is an error.
//! Assumes: encoding XOR; other encodings are refused before. Does not: drop stale markers or anything else.

/// The chunk ends within a sample, or has a number that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Hands every sample of a chunk to `take`, and gives back how many there were.
#[inline]
pub fn decode(chunk: &[u8], mut take: impl FnMut(i64, f64)) -> Result<usize, Malformed> {
    let Some((count, rest)) = chunk.split_first_chunk::<2>() else { return Err(Malformed) };
    let count = usize::from(u16::from_be_bytes(*count));
    if count == 0 {
        return Ok(0);
    }
    let (first, used) = varint(rest)?;
    let Some((value, rest)) = rest[used..].split_first_chunk::<8>() else { return Err(Malformed) };
    let mut time = unzigzag(first);
    let mut value = Value { bits: u64::from_be_bytes(*value), ..Value::default() };
    take(time, f64::from_bits(value.bits));
    if count == 1 {
        return Ok(1);
    }
    let (second, used) = varint(rest)?;
    let mut delta = second.cast_signed();
    let mut bits = Bits::of(&rest[used..]);
    time = time.wrapping_add(delta);
    bits.prepare(SAMPLE_HEAD);
    value.next(&mut bits)?;
    take(time, f64::from_bits(value.bits));
    for _ in 2..count {
        bits.prepare(SAMPLE_HEAD);
        delta = delta.wrapping_add(bits.delta_of_delta()?);
        // Only a delta of 64 bits takes more than was prepared.
        bits.prepare(SAMPLE_HEAD - 24);
        time = time.wrapping_add(delta);
        value.next(&mut bits)?;
        take(time, f64::from_bits(value.bits));
    }
    Ok(count)
}

/// A number in groups of seven bits, the lowest first, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Result<(u64, usize), Malformed> {
    let mut number = 0_u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok((number, i + 1));
        }
    }
    Err(Malformed)
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// The last value, and where the last difference had its bits.
#[derive(Default)]
struct Value {
    bits: u64,
    trailing: u32,
    significant: u32,
}

impl Value {
    /// Takes the next value from bits of which [`SAMPLE_HEAD`] are ready, or all there are.
    #[inline]
    fn next(&mut self, bits: &mut Bits<'_>) -> Result<(), Malformed> {
        if bits.take(1)? == 0 {
            return Ok(());
        }
        if bits.take(1)? == 1 {
            let head = bits.take(11)? as u32;
            let leading = head >> 6;
            // Six bits cannot say 64, so that 0 means it.
            let significant = if head & 63 == 0 { 64 } else { head & 63 };
            if leading + significant > 64 {
                return Err(Malformed);
            }
            self.significant = significant;
            self.trailing = 64 - leading - significant;
        } else if self.significant == 0 {
            // The first difference of a chunk says where its bits are.
            return Err(Malformed);
        }
        let difference = if self.significant <= 56 {
            bits.read(self.significant)?
        } else {
            let high = bits.read(self.significant - 32)?;
            high << 32 | bits.read(32)?
        };
        self.bits ^= difference << self.trailing;
        Ok(())
    }
}

/// The bits of a sample but for its last: four and twenty of the time, two and eleven of the value.
const SAMPLE_HEAD: u32 = 37;

/// Bits from the highest on. The next ones stand at the top of `buffer`; `ready` of them are counted.
struct Bits<'a> {
    rest: &'a [u8],
    buffer: u64,
    ready: u32,
}

impl<'a> Bits<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, buffer: 0, ready: 0 }
    }

    /// Makes so many bits ready, up to 56, where there are so many.
    #[inline]
    fn prepare(&mut self, count: u32) {
        if self.ready < count {
            self.refill();
        }
    }

    /// At least 56 bits, or all there are. What lies beyond the counted bits of `buffer` is the same bits that the next call puts there.
    #[inline]
    fn refill(&mut self) {
        if let Some(next) = self.rest.first_chunk::<8>() {
            self.buffer |= u64::from_be_bytes(*next) >> self.ready;
            let bytes = (63 - self.ready) / 8;
            self.rest = &self.rest[bytes as usize..];
            self.ready += bytes * 8;
        } else {
            while self.ready <= 56
                && let Some((next, rest)) = self.rest.split_first()
            {
                self.buffer |= u64::from(*next) << (56 - self.ready);
                self.rest = rest;
                self.ready += 8;
            }
        }
    }

    /// Up to 56 bits, at least one, of those that are ready.
    #[inline]
    fn take(&mut self, count: u32) -> Result<u64, Malformed> {
        let bits = self.buffer >> (64 - count);
        self.skip(count)?;
        Ok(bits)
    }

    #[inline]
    fn skip(&mut self, count: u32) -> Result<(), Malformed> {
        self.ready = self.ready.checked_sub(count).ok_or(Malformed)?;
        self.buffer <<= count;
        Ok(())
    }

    #[inline]
    fn read(&mut self, count: u32) -> Result<u64, Malformed> {
        self.prepare(count);
        self.take(count)
    }

    /// `0` is none; `10`, `110`, `1110` and `1111` come before 14, 17, 20 and 64 bits.
    #[inline]
    fn delta_of_delta(&mut self) -> Result<i64, Malformed> {
        let width = match (!self.buffer).leading_zeros() {
            0 => return self.skip(1).map(|()| 0),
            1 => 14,
            2 => 17,
            3 => 20,
            _ => {
                self.skip(4)?;
                let high = self.read(32)?;
                return Ok((high << 32 | self.read(32)?).cast_signed());
            }
        };
        self.skip(2 + (width - 14) / 3)?;
        let bits = self.take(width)?.cast_signed();
        // As the writer has it: the largest positive number is exactly half of the range.
        Ok(if bits > 1 << (width - 1) { bits - (1 << width) } else { bits })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The writer of `xor.go`, bit by bit.
    #[derive(Default)]
    struct Writer {
        bits: Vec<bool>,
    }

    impl Writer {
        fn put(&mut self, value: u64, count: u32) {
            self.bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        }

        fn put_varint(&mut self, mut number: u64) {
            while number >= 0x80 {
                self.put(number & 0x7f | 0x80, 8);
                number >>= 7;
            }
            self.put(number, 8);
        }

        fn chunk(samples: &[(i64, u64)]) -> Vec<u8> {
            let mut writer = Self::default();
            writer.put(samples.len() as u64, 16);
            let (mut delta, mut window) = (0_i64, None::<(u32, u32)>);
            for (i, (time, value)) in samples.iter().enumerate() {
                if i == 0 {
                    writer.put_varint(((time << 1) ^ (time >> 63)).cast_unsigned());
                    writer.put(*value, 64);
                    continue;
                }
                let (before, old) = samples[i - 1];
                let next = time - before;
                if i == 1 {
                    writer.put_varint(next.cast_unsigned());
                } else {
                    let dod = next - delta;
                    let fits = |width: u32| -((1_i64 << (width - 1)) - 1) <= dod && dod <= 1_i64 << (width - 1);
                    match dod {
                        0 => writer.put(0, 1),
                        _ if fits(14) => {
                            writer.put(0b10, 2);
                            writer.put(dod.cast_unsigned(), 14);
                        }
                        _ if fits(17) => {
                            writer.put(0b110, 3);
                            writer.put(dod.cast_unsigned(), 17);
                        }
                        _ if fits(20) => {
                            writer.put(0b1110, 4);
                            writer.put(dod.cast_unsigned(), 20);
                        }
                        _ => {
                            writer.put(0b1111, 4);
                            writer.put(dod.cast_unsigned(), 64);
                        }
                    }
                }
                delta = next;
                let difference = value ^ old;
                if difference == 0 {
                    writer.put(0, 1);
                    continue;
                }
                writer.put(1, 1);
                let (leading, trailing) = (difference.leading_zeros().min(31), difference.trailing_zeros());
                match window {
                    Some((lead, trail)) if leading >= lead && trailing >= trail => {
                        writer.put(0, 1);
                        writer.put(difference >> trail, 64 - lead - trail);
                    }
                    _ => {
                        window = Some((leading, trailing));
                        writer.put(1, 1);
                        writer.put(u64::from(leading), 5);
                        let significant = 64 - leading - trailing;
                        writer.put(u64::from(significant % 64), 6);
                        writer.put(difference >> trailing, significant);
                    }
                }
            }
            writer.bits.resize(writer.bits.len().div_ceil(8) * 8, false);
            writer.bits.chunks(8).map(|byte| byte.iter().fold(0, |number, bit| number << 1 | u8::from(*bit))).collect()
        }
    }

    fn decoded(chunk: &[u8]) -> Result<Vec<(i64, u64)>, Malformed> {
        let mut samples = Vec::new();
        decode(chunk, |time, value| samples.push((time, value.to_bits())))?;
        Ok(samples)
    }

    #[test]
    fn the_widths_of_a_delta_of_delta_meet_at_their_edges() {
        let mut samples = vec![(-5, 1.5_f64.to_bits()), (60_000, 1.5_f64.to_bits())];
        let mut delta = 60_005;
        for dod in [0, 1, -1, 8191, 8192, -8191, 8193, -8192, 65_536, -65_535, 65_537, 524_288, -524_287, 524_289, -524_288, 1 << 40] {
            delta += dod;
            let time = samples.last().unwrap().0 + delta;
            samples.push((time, (time as f64).to_bits()));
        }
        assert_eq!(decoded(&Writer::chunk(&samples)).unwrap(), samples);
    }

    #[test]
    fn a_cut_chunk_is_an_error_wherever_it_is_cut() {
        let samples: Vec<(i64, u64)> = (0..120).map(|i| (i * 60_000 + i % 3, (i as f64 * 1.37).to_bits())).collect();
        let chunk = Writer::chunk(&samples);
        assert_eq!(decoded(&chunk).unwrap(), samples);
        for cut in 0..chunk.len() {
            assert_eq!(decoded(&chunk[..cut]), Err(Malformed), "cut at {cut}");
        }
        assert_eq!(decoded(&[0, 0]).unwrap(), []);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            start in -1_000_000_000_000_i64..4_000_000_000_000,
            steps in proptest::collection::vec((prop_oneof![Just(60_000_i64), 0_i64..100_000, 0_i64..1_000_000_000_000], any::<u64>()), 0..200),
        ) {
            let mut time = start;
            let samples: Vec<(i64, u64)> = steps.iter().map(|(step, value)| { time += step; (time, *value) }).collect();
            // NaN payloads are compared as bits, since no arithmetic is done with values.
            prop_assert_eq!(decoded(&Writer::chunk(&samples)).unwrap(), samples);
        }

        #[test]
        fn whatever_the_bytes_it_comes_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decoded(&bytes);
        }
    }
}
