//! How an amount of a difference is shown: as the report shows it, and with all its digits where that would hide the change.

use crate::units::Rounded;

/// A unit of figures, what it is called when shown, and how many of it make one shown.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub title: &'static str,
    pub unit: &'static str,
    pub shown: &'static str,
    pub per: i128,
}

pub const SCALES: [Scale; 3] = [
    Scale { title: "Energy", unit: "mJ", shown: "kWh", per: 3_600_000_000 },
    Scale { title: "Emissions", unit: "µgCO2e", shown: "kg CO2e", per: 1_000_000_000 },
    Scale { title: "Money", unit: "µEUR", shown: "EUR", per: 1_000_000 },
];

impl Scale {
    /// Of figures in a unit; none for what is counted.
    pub fn of(unit: &str) -> Option<Self> {
        SCALES.into_iter().find(|scale| scale.unit == unit)
    }

    /// How many digits after the point show a change; one below the report's last digit needs all of them.
    pub fn decimals(self, change: i64) -> u32 {
        if i128::from(change).abs() * 1000 >= self.per || change == 0 { 3 } else { self.per.ilog10() + 1 }
    }

    pub fn amount(self, value: i64, decimals: u32) -> String {
        Rounded::of(value.into(), self.per, decimals).to_string().replace('-', "−")
    }

    /// With its sign.
    pub fn change(self, change: i64, decimals: u32) -> String {
        let shown = self.amount(change, decimals);
        if change < 0 { shown } else { format!("+{shown}") }
    }
}

/// Of the value before, with its sign.
pub fn per_cent(share: f64) -> String {
    let per_cent = share * 100.0;
    let sign = if per_cent < 0.0 { "−" } else { "+" };
    match per_cent.abs() {
        small if small < 0.05 => format!("{sign}{small:.1e} %"),
        large if large >= 10_000.0 => format!("×{:.0}", 1.0 + share),
        usual => format!("{sign}{usual:.1} %"),
    }
}
