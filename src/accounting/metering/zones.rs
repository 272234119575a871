//! Which power zones make up a node's meter.
//!
//! Rule (method, section 3.1): the widest there is: `platform` or `psys`, else `package` + `dram`, else `core` + `uncore` + `dram`; beside the
//! narrower ones, what they do not contain (`gpu`, and Kepler's `other`). Zones that contain one another are never added (`psys` contains
//! `package`, `package` contains `core` and `uncore`). One choice for a node and its pods.

/// A part of a node that has a meter of its own: a RAPL power zone, an accelerator, or the whole machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PowerZone {
    /// The machine at its power supplies.
    Platform,
    Psys,
    Package,
    Core,
    Uncore,
    Dram,
    Gpu,
    /// What Kepler up to 0.9 measured beside the rest.
    Other,
}

impl PowerZone {
    /// Reads a `zone` label: RAPL's names, with a socket's number after a dash where there is one. Anything else is unknown.
    pub fn parse(label: &str) -> Option<Self> {
        let name = match label.rsplit_once('-') {
            Some((name, socket)) if !socket.is_empty() && socket.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => label,
        };
        match name {
            "psys" => Some(Self::Psys),
            "package" => Some(Self::Package),
            "core" | "pp0" => Some(Self::Core),
            "uncore" | "pp1" => Some(Self::Uncore),
            "dram" => Some(Self::Dram),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Psys => "psys",
            Self::Package => "package",
            Self::Core => "core",
            Self::Uncore => "uncore",
            Self::Dram => "dram",
            Self::Gpu => "gpu",
            Self::Other => "other",
        }
    }

    /// Whether it holds all else of a machine, accelerators too.
    pub fn is_whole_machine(self) -> bool {
        matches!(self, Self::Platform | Self::Psys)
    }

    /// How much of a machine a set of zones holds: the larger, the wider.
    pub fn width(zones: &[Self]) -> u8 {
        match zones.first() {
            Some(Self::Platform) => 4,
            Some(Self::Psys) => 3,
            Some(Self::Package) => 2,
            Some(_) => 1,
            None => 0,
        }
    }

    /// The widest set of zones without overlap.
    pub fn widest(present: &[Self]) -> Vec<Self> {
        let of = |zones: &[Self]| zones.iter().copied().filter(|zone| present.contains(zone)).collect();
        if present.contains(&Self::Platform) {
            of(&[Self::Platform])
        } else if present.contains(&Self::Psys) {
            of(&[Self::Psys])
        } else if present.contains(&Self::Package) {
            of(&[Self::Package, Self::Dram, Self::Gpu, Self::Other])
        } else {
            of(&[Self::Core, Self::Uncore, Self::Dram, Self::Gpu, Self::Other])
        }
    }

    /// `package+dram`; empty where there is no zone.
    pub fn text(zones: &[Self]) -> String {
        zones.iter().map(|zone| zone.name()).collect::<Vec<_>>().join("+")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(labels: &[&str]) -> String {
        let present: Vec<PowerZone> = labels.iter().filter_map(|label| PowerZone::parse(label)).collect();
        PowerZone::text(&PowerZone::widest(&present))
    }

    #[test]
    fn the_widest_meter_wins_and_overlapping_zones_are_never_added() {
        assert_eq!(choice(&["core", "dram", "package", "psys", "uncore"]), "psys");
        assert_eq!(choice(&["core", "dram", "package", "uncore"]), "package+dram");
        assert_eq!(choice(&["package-0", "package-1", "core"]), "package");
        assert_eq!(choice(&["dram", "pp0"]), "core+dram");
        assert_eq!(choice(&["dram"]), "dram");
        assert_eq!(choice(&["coretemp", "Package id 0"]), "");
    }
}
