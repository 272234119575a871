//! Clouds' regions, with the grid zone that their data centres take electricity from.
//!
//! In: the embedded table. Out: a region's grid zone. Rule: a region is there only where its place lies in one grid zone without doubt; the place is
//! the provider's own statement. Assumes: grid zones as Electricity Maps names them. Does not: know where in a region a machine stands.
//!
//! | provider | places from |
//! |---|---|
//! | `aws` | <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html> |
//! | `azure` | <https://learn.microsoft.com/azure/reliability/regions-list> |
//! | `gcp` | <https://cloud.google.com/compute/docs/regions-zones> |

use std::sync::LazyLock;

use serde::Deserialize;

/// A region of a cloud.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub provider: String,
    /// As the provider writes it.
    pub region: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub grid_zone: String,
    /// As the provider names it.
    pub place: String,
}

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_bytes!("regions.csv").as_slice());
    reader.deserialize().collect::<Result<_, _>>().expect("the embedded table is read by a test")
});

impl Region {
    /// `aws/eu-central-1`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.region)
    }

    /// The region of a name written as `provider/region`.
    pub fn find(name: &str) -> Option<&'static Self> {
        let (provider, region) = name.split_once('/')?;
        REGIONS.iter().find(|known| known.provider == provider && known.region == region)
    }

    pub fn all() -> &'static [Self] {
        &REGIONS
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_region_is_there_once_and_lies_in_its_country() {
        let names: BTreeSet<String> = REGIONS.iter().map(Region::name).collect();
        assert_eq!(names.len(), REGIONS.len());
        for region in REGIONS.iter() {
            assert!(["aws", "azure", "gcp"].contains(&region.provider.as_str()), "{region:?}");
            assert!(!region.place.is_empty() && region.country.len() == 2, "{region:?}");
            assert_eq!(region.grid_zone.split('-').next(), Some(region.country.as_str()), "{region:?}");
        }
        // A region that comes or goes shows here.
        let count = |provider: &str| REGIONS.iter().filter(|region| region.provider == provider).count();
        assert_eq!((count("aws"), count("azure"), count("gcp")), (29, 45, 36));
    }

    #[test]
    fn a_region_is_found_by_provider_and_name() {
        let zone = |name: &str| Region::find(name).map(|region| region.grid_zone.as_str());

        assert_eq!(zone("aws/eu-central-1"), Some("DE"));
        assert_eq!(zone("azure/swedencentral"), Some("SE-SE3"));
        assert_eq!(zone("gcp/us-west1"), Some("US-NW-BPAT"));
        assert_eq!(zone("eu-central-1"), None);
        assert_eq!(zone("gcp/eu-central-1"), None);
    }

    /// Country codes as the other table writes them.
    const ALPHA_3: [(&str, &str); 24] = [
        ("AUS", "AU"),
        ("BEL", "BE"),
        ("BRA", "BR"),
        ("CAN", "CA"),
        ("CHE", "CH"),
        ("CHL", "CL"),
        ("DEU", "DE"),
        ("ESP", "ES"),
        ("FIN", "FI"),
        ("FRA", "FR"),
        ("GBR", "GB"),
        ("IND", "IN"),
        ("ISR", "IL"),
        ("ITA", "IT"),
        ("JPN", "JP"),
        ("KOR", "KR"),
        ("NLD", "NL"),
        ("POL", "PL"),
        ("QAT", "QA"),
        ("SAU", "SA"),
        ("SGP", "SG"),
        ("TWN", "TW"),
        ("USA", "US"),
        ("ZAF", "ZA"),
    ];

    #[test]
    fn countries_agree_with_an_independent_table() {
        let path = std::env::var_os("WATTLEDGER_SHARED_DATA").map(|data| PathBuf::from(data).join("factors/codecarbon/impact.csv"));
        let Some(bytes) = path.and_then(|path| std::fs::read(path).ok()) else {
            println!("SKIPPED: WATTLEDGER_SHARED_DATA names no folder with factors/codecarbon/impact.csv");
            return;
        };
        let mut compared = 0;
        let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
        let headers = reader.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
        for row in reader.records() {
            let row = row.unwrap();
            let name = format!("{}/{}", &row[column("provider")], &row[column("region")]);
            let country = ALPHA_3.iter().find(|(alpha_3, _)| *alpha_3 == &row[column("countryIsoCode")]).map(|(_, alpha_2)| *alpha_2);
            if let (Some(region), Some(country)) = (Region::find(&name), country) {
                assert_eq!(region.country, country, "{name}");
                compared += 1;
            }
        }
        assert!(compared >= 30, "only {compared} regions were compared");
    }
}
