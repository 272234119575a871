//! Evidence of which a part is another's: to see what that part is worth.

use std::sync::Arc;

use anyhow::Result;

use super::Store;
use super::editions::{INTENSITY_FOLDER, PRICES_FOLDER};
use super::objects::{Objects, View};

/// Series of zones from one place, everything else from another.
#[derive(Debug)]
struct Mixed {
    series: Objects,
    others: Objects,
}

impl Mixed {
    fn of(&self, key: &str) -> &Objects {
        let folder = key.split('/').next().unwrap_or_default();
        if [INTENSITY_FOLDER, PRICES_FOLDER].contains(&folder) { &self.series } else { &self.others }
    }
}

impl View for Mixed {
    fn get(&self, key: &str, _find: &dyn Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Option<Vec<u8>>> {
        self.of(key).get(key)
    }

    fn list(&self, prefix: &str, _find: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<Vec<String>> {
        self.of(prefix).list(prefix)
    }

    fn is_read_only(&self) -> bool {
        true
    }
}

impl Store {
    /// This evidence with the grid intensity and prices of another. Nothing can be written through it.
    pub fn with_series_of(&self, other: &Self) -> Self {
        let view = Mixed { series: other.objects().clone(), others: self.objects().clone() };
        self.with_objects(self.objects().viewed(Arc::new(view)))
    }
}
