//! The chain over all seals of the evidence: each names the one before it by its SHA-256.
//!
//! In: seals, by their place. Out: what the next one says of the last, or what is wrong. Rule: places are counted from 1 without a hole; the first names none.
//! A seal lists every file of its month and may be large: of each only its links are kept. Does not: check signatures. A chain that was written anew from some
//! place on is found by whoever kept a later head, or by the signatures.

use super::folder::Sealed;
use super::seal::{Link, Replaced};

/// The links of all seals, by their place.
#[derive(Clone, Debug, Default)]
pub struct Chain(Vec<Links>);

/// What the chain has of a seal.
#[derive(Clone, Debug)]
struct Links {
    /// How others name it.
    own: Link,
    previous: Option<Link>,
    replaces: Option<Replaced>,
}

impl Chain {
    /// `seals` are all there are, by their place.
    pub fn of(seals: &[Sealed]) -> Self {
        let mut chain = Self::default();
        seals.iter().for_each(|sealed| chain.add(sealed));
        chain
    }

    /// Adds the seal that comes after those that are there.
    pub fn add(&mut self, sealed: &Sealed) {
        let seal = &sealed.seal;
        self.0.push(Links { own: seal.link(&sealed.manifest), previous: seal.previous.clone(), replaces: seal.replaces.clone() });
    }

    /// Brings seals that were added in another order into that of their places.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| (a.own.seq, &a.own.month, a.own.edition).cmp(&(b.own.seq, &b.own.month, b.own.edition)));
    }

    /// Place and link of the seal that comes next.
    pub fn next(&self) -> (u64, Option<Link>) {
        let last = self.0.last();
        (last.map_or(0, |last| last.own.seq) + 1, last.map(|last| last.own.clone()))
    }

    /// What is wrong with it, a sentence each.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut before: Option<&Links> = None;
        for links in &self.0 {
            let Links { own, previous, replaces } = links;
            let name = format!("seal {} ({} edition {})", own.seq, own.month, own.edition);
            let expected = before.map_or(1, |before| before.own.seq + 1);
            if own.seq != expected {
                broken.push(format!("{name} stands where seal {expected} is expected"));
            } else if previous.as_ref() != before.map(|before| &before.own) {
                broken.push(match (previous, before) {
                    (None, Some(before)) => format!("{name} names no seal before it, and there is seal {}", before.own.seq),
                    (Some(link), None) => format!("{name} is the first and names seal {} before it", link.seq),
                    (Some(link), Some(_)) => format!("{name} names another seal {} before it than the one that is there", link.seq),
                    (None, None) => format!("{name} names no seal before it"),
                });
            }
            let replaced = |edition: u32| self.0.iter().find(|other| (&other.own.month, other.own.edition) == (&own.month, edition));
            if let Some(replaces) = replaces {
                match replaced(replaces.edition) {
                    Some(other) if other.own.sha256 == replaces.sha256 => {}
                    Some(_) => broken.push(format!("{name} replaces another edition {} than the one that is there", replaces.edition)),
                    None => broken.push(format!("{name} replaces edition {}, which is not there", replaces.edition)),
                }
            }
            before = Some(links);
        }
        broken
    }
}

/// What is wrong with the chain of these seals, a sentence each; they are all there are, by their place.
pub fn broken_links(seals: &[Sealed]) -> Vec<String> {
    Chain::of(seals).broken()
}
