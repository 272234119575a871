//! The chain over all seals of the evidence: each names the one before it by its SHA-256.
//!
//! In: seals, by their place. Out: what the next one says of the last, or what is wrong. Rule: places are counted from 1 without a hole; the first names none.
//! Does not: check signatures. A chain that was written anew from some place on is found by whoever kept a later head, or by the signatures.

use super::folder::Sealed;
use super::seal::Link;

/// Place and link of the seal that comes next.
pub fn next(seals: &[Sealed]) -> (u64, Option<Link>) {
    let last = seals.last();
    (last.map_or(0, |last| last.seal.seq) + 1, last.map(|last| last.seal.link(&last.manifest)))
}

/// What is wrong with the chain, a sentence each; `seals` are all there are, by their place.
pub fn broken_links(seals: &[Sealed]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut before: Option<&Sealed> = None;
    for sealed in seals {
        let seal = &sealed.seal;
        let name = format!("seal {} ({} edition {})", seal.seq, seal.period.month, seal.edition);
        let expected = before.map_or(1, |before| before.seal.seq + 1);
        if seal.seq != expected {
            broken.push(format!("{name} stands where seal {expected} is expected"));
        } else if seal.previous != before.map(|before| before.seal.link(&before.manifest)) {
            broken.push(match (&seal.previous, before) {
                (None, Some(before)) => format!("{name} names no seal before it, and there is seal {}", before.seal.seq),
                (Some(link), None) => format!("{name} is the first and names seal {} before it", link.seq),
                (Some(link), Some(_)) => format!("{name} names another seal {} before it than the one that is there", link.seq),
                (None, None) => format!("{name} names no seal before it"),
            });
        }
        let replaced =
            |edition: u32| seals.iter().find(|other| (&other.seal.period.month, other.seal.edition) == (&seal.period.month, edition));
        if let Some(replaces) = &seal.replaces {
            match replaced(replaces.edition) {
                Some(other) if other.sha256() == replaces.sha256 => {}
                Some(_) => broken.push(format!("{name} replaces another edition {} than the one that is there", replaces.edition)),
                None => broken.push(format!("{name} replaces edition {}, which is not there", replaces.edition)),
            }
        }
        before = Some(sealed);
    }
    broken
}
