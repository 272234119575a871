//! The tables behind figures that no meter gives: what they mean, and every sentence that says what is wrong with them.

use std::path::Path;

use super::*;
use crate::model::{CriterionAnswer, EnergySource, InstrumentPeriod, Matching};
use crate::units::Millijoules;

/// The documented tables of the whole inventory, with a cluster of class `r740`.
fn documented() -> String {
    let page = include_str!("../../docs/configuration.md");
    let toml = page.split("## The whole inventory").nth(1).and_then(|rest| rest.split("```toml\n").nth(1)?.split("```").next()).unwrap();
    let own_files = toml.replace("files = [\"factors/*.csv\"]", "files = []");
    own_files.replacen("[organisation]\n", "[organisation]\nname = \"Example BV\"\ntime_zone = \"Europe/Amsterdam\"\n", 1)
        + "\n[[cluster]]\nname = \"prod-nl\"\nboundary = \"owned\"\ngrid_zone = \"NL\"\npue = 1.2\nhardware = \"r740\"\nin_service = 2026-10-03\n"
}

fn read(text: &str) -> Result<Config> {
    Config::from_bytes(text.as_bytes(), Path::new("/etc/wattledger/wattledger.toml"))
}

#[test]
fn the_documented_inventory_loads_and_means_what_it_says() {
    let config = read(&documented()).unwrap();

    assert_eq!(config.lei.as_deref(), Some("529900EXAMPLE0BV0029"));
    assert_eq!(config.revenue.by_year.get(&2026), Some(&12_000_000.0));
    let instrument = &config.instruments[0].instrument;
    assert_eq!(instrument.volume, Millijoules::new(40_000 * 3_600_000_000));
    assert_eq!((instrument.period, instrument.matching), (InstrumentPeriod { year: 2026, month: None }, Matching::Year));
    assert_eq!(
        (instrument.energy_source, instrument.criteria.as_slice()),
        (Some(EnergySource::Wind), [CriterionAnswer::Met; 8].as_slice())
    );
    let embodied = config.clusters[0].site.embodied.as_ref().unwrap();
    assert_eq!((embodied.embodied_kgco2e, embodied.life_years, embodied.range_kgco2e), (1_848.0, 5.0, Some((969.0, 1_848.0))));
    assert_eq!(embodied.in_service.map(|day| day.to_string()).as_deref(), Some("2026-10-03"));
    assert_eq!(config.losses[0].share.get(), 0.048);
    assert_eq!(config.functional_units[0].counts, [("2026-10".to_owned(), 81_234.0)]);
    // 41.2 t and 160 MWh in the ledger's units.
    let published = &config.published_years[0];
    assert!(published.is_base_year && published.figures.contains(&("scope2_location_based_ugco2e".to_owned(), 41_200_000_000_000)));
    assert!(published.figures.contains(&("energy_mix_total_mj".to_owned(), 160_000 * 3_600_000_000)));
    assert_eq!(config.uncertainty.get("tier modelled"), Some(&0.30));
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_that_names_it() {
    for (from, to, expected) in [
        ("lei = \"529900EXAMPLE0BV0029\"", "lei = \"529900EXAMPLE0BV0011\"", "`lei` is not a legal entity identifier (ISO 17442)"),
        ("currency = \"EUR\"", "currency = \"euro\"", "`currency` is a code of ISO 4217"),
        ("{ \"2026\" = 12_000_000.0 }", "{ \"2026\" = 0.0 }", "`net_revenue` of 2026 must be above 0"),
        ("\"8\" = \"met\"", "\"9\" = \"met\"", "`quality_criteria` has `9`; the criteria are numbered 1 to 8"),
        ("clusters = [\"prod-nl\"]", "clusters = [\"prod\"]", "`clusters` names `prod`; the nearest known one is `prod-nl`"),
        ("# generation_file", "generation_file", "`generation_file` is for matching = \"hour\""),
        ("[969.0, 1848.0]", "[2000.0, 3000.0]", "`embodied_range_kgco2e` does not hold `embodied_kgco2e`"),
        ("share = 0.048 ", "share = 0.9 ", "[[losses]] of NL: a share of 0.9 is not that of a grid"),
        ("\"tier modelled\" = 0.30", "\"tier modelled\" = 30.0", "`tier modelled` is a relative standard uncertainty"),
        ("81234.0", "0.0", "[[functional_unit]] 1: `counts` of 2026-10 must be above 0"),
        ("source = \"order ledger\"", "source = \"\"", "a count without a source cannot be audited"),
        ("energy_mwh = 160.0", "energy_kwh = 160.0", "`figures` has `energy_kwh`; the nearest known one is `energy_mwh`"),
        ("in_service = 2026-10-03", "in_service = \"soon\"", "`soon` is not a day; write it as 2026-10-01"),
    ] {
        let text = documented();
        assert!(text.contains(from), "{from}");
        let error = format!("{:#}", read(&text.replace(from, to)).unwrap_err());
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[test]
fn one_document_is_not_the_evidence_of_two_volumes() {
    let text = documented();
    let instrument = text.split("[[instrument]]").nth(1).unwrap().split("\n[[hardware]]").next().unwrap();
    let error = format!("{:#}", read(&format!("{text}\n[[instrument]]{instrument}")).unwrap_err());

    assert!(error.contains("`cancellation-2026-17.pdf` is the evidence of another instrument"), "{error}");
}
