//! SplitMix64: eight lines of arithmetic that give the same numbers on every machine.

/// A stream of random numbers, named by what it is for, so that adding a pod does not change another pod's numbers.
pub struct Stream(u64);

impl Stream {
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a over the name; good enough to tell streams apart.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, `end`.
    pub fn below(&mut self, end: i64) -> i64 {
        (self.next() % end as u64) as i64
    }

    /// From -1 to 1. Sixteen bits, so that the quotient is exact.
    pub fn noise(&mut self) -> f64 {
        (self.next() >> 48) as f64 / 32_768.0 - 1.0
    }
}

/// The noise of one thing at one moment.
pub fn noise_at(seed: u64, name: &str, moment: i64) -> f64 {
    let mut stream = Stream::new(seed ^ (moment as u64).wrapping_mul(0xd6e8_feb8_6659_fd93), name);
    stream.next();
    stream.noise()
}

/// A version 4 UUID.
pub fn uuid(seed: u64, name: &str) -> String {
    let mut stream = Stream::new(seed, name);
    let (a, b) = (stream.next(), stream.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}

/// Five characters, as Kubernetes puts behind the names of pods.
pub fn suffix(seed: u64, name: &str) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut stream = Stream::new(seed, name);
    (0..5).map(|_| LETTERS[stream.below(LETTERS.len() as i64) as usize] as char).collect()
}
