//! What a cloud instance draws, by its type, for machines that no meter reaches.
//!
//! In: an instance type (`m5.xlarge`, `n2d-standard-8`, `Standard_D4s_v5`) and its virtual CPUs. Out: watts at rest and at full load.
//! Rule: watts per virtual CPU of the family's architecture, else the provider's mean, times virtual CPUs. The watts are those that Cloud Carbon
//! Footprint derives from the SPECpower database (methodology, "Compute"; cloud-carbon-coefficients, licence Apache-2.0), rounded to
//! milliwatts; which family runs on which architecture is the providers' own documentation. Known drawback: point estimates, a factor of two
//! off for single machines; memory, disks and network are not in them. Does not: know a provider from a name that none of them uses.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::PowerRange;

const SOURCE: &str = "Cloud Carbon Footprint, watts per vCPU by architecture, from SPECpower";

#[derive(Debug, Deserialize)]
struct Row {
    provider: String,
    family: String,
    architecture: String,
    idle_watts_per_vcpu: f64,
    max_watts_per_vcpu: f64,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_bytes!("instances.csv").as_slice());
    reader.deserialize().collect::<Result<_, _>>().expect("the embedded table is read by a test")
});

/// What a machine of this type with so many virtual CPUs draws; none where the type is nobody's.
pub fn power_of(instance_type: &str, vcpus: f64) -> Option<PowerRange> {
    let (provider, family) = family(instance_type)?;
    let row_of = |family: &str| ROWS.iter().find(|row| row.provider == provider && row.family == family);
    let row = row_of(family).or_else(|| row_of("*"))?;
    Some(PowerRange {
        name: instance_type.to_owned(),
        idle_watts: row.idle_watts_per_vcpu * vcpus,
        max_watts: row.max_watts_per_vcpu * vcpus,
        source: format!("{} {}: {SOURCE}", provider, row.architecture),
    })
}

/// Whose type it is, by how each provider writes them.
fn family(instance_type: &str) -> Option<(&'static str, &str)> {
    if instance_type.starts_with("Standard_") {
        return Some(("azure", "*"));
    }
    if let Some((family, size)) = instance_type.split_once('.') {
        let is_size = ["nano", "micro", "small", "medium", "large", "metal"].iter().any(|known| size.contains(known));
        return is_size.then_some(("aws", family));
    }
    let (family, rest) = instance_type.split_once('-')?;
    let kind = rest.split('-').next()?;
    let kinds = ["standard", "highmem", "highcpu", "megamem", "ultramem", "highgpu", "megagpu", "small", "medium", "micro", "custom"];
    kinds.contains(&kind).then_some(("gcp", family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_sound() {
        assert!(ROWS.len() > 40);
        for row in ROWS.iter() {
            assert!(row.idle_watts_per_vcpu > 0.0 && row.idle_watts_per_vcpu < row.max_watts_per_vcpu, "{row:?}");
            assert!(row.max_watts_per_vcpu < 10.0 && !row.architecture.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn a_type_is_known_by_how_its_provider_writes_it() {
        let watts = |name: &str| power_of(name, 4.0).map(|power| (power.idle_watts, power.max_watts));
        // 4 x 0.645 and 4 x 4.193.
        assert_eq!(watts("m5.xlarge"), Some((2.58, 16.772)));
        assert_eq!(watts("m7i.xlarge"), Some((4.0 * 0.74, 14.0)));
        assert_eq!(watts("n2d-standard-4"), Some((4.0 * 0.474, 4.0 * 1.575)));
        assert_eq!(watts("e2-standard-4"), Some((4.0 * 0.71, 4.0 * 4.26)));
        assert_eq!(watts("Standard_D4s_v5"), Some((4.0 * 0.78, 4.0 * 3.76)));
        assert_eq!(watts("k3s"), None);
        assert_eq!(watts("rack-17"), None);
        assert_eq!(watts("node.example"), None);
    }
}
