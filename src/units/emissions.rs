//! Greenhouse-gas emissions and the intensity that turns energy into them.

use std::fmt;

use super::ledger_integer::ledger_integer;

ledger_integer! {
    /// Emissions in the ledger: whole micrograms of CO2 equivalent.
    MicrogramsCo2e, "emissions stay below 9.2 Mt per sum"
}

impl MicrogramsCo2e {
    pub fn tonnes(self) -> TonnesCo2e {
        TonnesCo2e(self.0 as f64 / TonnesCo2e::MICROGRAMS_PER_TONNE)
    }
}

/// Emissions for people, in tonnes of CO2 equivalent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct TonnesCo2e(f64);

impl TonnesCo2e {
    pub const MICROGRAMS_PER_TONNE: f64 = 1e12;

    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Emissions of a grid zone's electricity per unit of it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct GramsCo2ePerKilowattHour(f64);

impl GramsCo2ePerKilowattHour {
    /// Outside of this a value is refused (method, section 6).
    pub const LARGEST_PLAUSIBLE: f64 = 2_000.0;
    /// Medians that grids have; one outside of it looks like another unit.
    pub const PLAUSIBLE_MEDIANS: (f64, f64) = (1.0, 1_500.0);

    pub const fn new(grams_per_kilowatt_hour: f64) -> Self {
        Self(grams_per_kilowatt_hour)
    }

    pub const fn get(self) -> f64 {
        self.0
    }

    /// In whole millionths of g/kWh, rounded once: what series are summed in.
    pub fn micros(self) -> i64 {
        (self.0 * 1e6).round() as i64
    }

    pub fn is_plausible(self) -> bool {
        self.0 >= 0.0 && self.0 <= Self::LARGEST_PLAUSIBLE
    }
}

/// The unit in which a source states intensities; each value is converted once, where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntensityUnit {
    GramsPerKilowattHour,
    KilogramsPerKilowattHour,
    KilogramsPerMegawattHour,
    PoundsPerMegawattHour,
}

impl IntensityUnit {
    /// A pound is 453.59237 g, exactly.
    pub const GRAMS_PER_KWH_OF_A_POUND_PER_MWH: f64 = 0.453_592_37;

    /// Reads `gCO2eq/kWh`, `g/kWh`, `lbs_co2_per_mwh`, `kgCO2e_per_MWh` and the like; none where the text is no such unit.
    pub fn parse(text: &str) -> Option<Self> {
        let mut unit = text.to_lowercase().replace('\u{2082}', "2").replace("_per_", "/").replace("lbs", "lb");
        unit.retain(|letter| !letter.is_whitespace() && letter != '_');
        let (mass, energy) = unit.split_once('/')?;
        let mass = ["co2eq", "co2e", "co2"].iter().find_map(|gas| mass.strip_suffix(gas)).unwrap_or(mass);
        match (mass, energy) {
            ("g", "kwh") => Some(Self::GramsPerKilowattHour),
            ("kg", "kwh") => Some(Self::KilogramsPerKilowattHour),
            ("kg", "mwh") => Some(Self::KilogramsPerMegawattHour),
            ("lb", "mwh") => Some(Self::PoundsPerMegawattHour),
            _ => None,
        }
    }

    pub fn in_grams_per_kwh(self, value: f64) -> GramsCo2ePerKilowattHour {
        GramsCo2ePerKilowattHour::new(match self {
            Self::GramsPerKilowattHour | Self::KilogramsPerMegawattHour => value,
            Self::KilogramsPerKilowattHour => value * 1_000.0,
            Self::PoundsPerMegawattHour => value * Self::GRAMS_PER_KWH_OF_A_POUND_PER_MWH,
        })
    }
}

impl fmt::Display for IntensityUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GramsPerKilowattHour => "g/kWh",
            Self::KilogramsPerKilowattHour => "kg/kWh",
            Self::KilogramsPerMegawattHour => "kg/MWh",
            Self::PoundsPerMegawattHour => "lb/MWh",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_pounds_a_megawatt_hour_are_453_59237_grams_a_kilowatt_hour() {
        let converted = |unit: &str, value| IntensityUnit::parse(unit).unwrap().in_grams_per_kwh(value).get();

        assert_eq!(converted("lbs_co2_per_mwh", 1_000.0), 453.592_37);
        assert_eq!(converted("lb/MWh", 870.0), 870.0 * 0.453_592_37);
        assert_eq!(converted("gCO\u{2082}eq/kWh", 266.0), 266.0);
        assert_eq!(converted("kgCO2e_per_MWh", 266.0), 266.0);
        assert_eq!(converted("kg/kWh", 0.25), 250.0);
    }

    #[test]
    fn what_is_no_unit_of_intensity_is_not_guessed() {
        for text in ["", "g", "kWh", "t/kWh", "g/MJ", "g CO2", "percent"] {
            assert_eq!(IntensityUnit::parse(text), None, "{text}");
        }
    }
}
