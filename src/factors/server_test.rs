//! How the classes of servers among the embedded factors come about, worked by hand from the published constants.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::{Factor, Factors, Quantity};

/// Constants of UBA, Green Cloud Computing, Texte 94/2021, in kgCO2e.
const DIE_PER_MM2: f64 = 0.0197;
const CPU: f64 = 9.14;
const MEMORY_DIE_PER_CM2: f64 = 2.20;
const MEMORY_MODULE: f64 = 5.22;
const SSD: f64 = 6.34;
const MOTHERBOARD: f64 = 66.10;
const ASSEMBLY: f64 = 6.68;
const RACK_CASE: f64 = 150.0;
const POWER_SUPPLY_PER_KG: f64 = 24.30;

fn of_class(quantity: Quantity, class: &str) -> Factor {
    Factors::embedded().unwrap().find(quantity, class, NaiveDate::MAX).unwrap().clone()
}

/// Two CPUs of 24 cores of 24.5 mm², twelve modules of 32 GB, one SSD of 400 GB at 48.5 GB/cm², two power supplies of 2.99 kg.
fn bottom_up(memory_gb_per_cm2: f64) -> f64 {
    let cpus = 2.0 * (24.0 * 24.5 * DIE_PER_MM2 + CPU);
    let memory = 12.0 * (32.0 / memory_gb_per_cm2 * MEMORY_DIE_PER_CM2 + MEMORY_MODULE);
    let disk = 400.0 / 48.5 * MEMORY_DIE_PER_CM2 + SSD;
    let supplies = 2.0 * 2.99 * POWER_SUPPLY_PER_KG;
    cpus + memory + disk + supplies + MOTHERBOARD + ASSEMBLY + RACK_CASE
}

#[test]
fn the_density_of_memory_alone_moves_a_server_by_a_factor_of_two() {
    // 41.4 + 534.6 + 24.5 + 145.3 + 66.1 + 6.7 + 150 = 968.6; at 0.625 GB/cm² memory is 1,414.3.
    let server = of_class(Quantity::ServerEmbodied, "server-2-cpu-384-gb");

    assert_eq!((bottom_up(1.79).round(), bottom_up(0.625).round()), (969.0, 1_848.0));
    assert_eq!((server.low, server.high), (Some(969.0), Some(1_848.0)));
}

#[test]
fn the_top_down_figure_is_base_memory_and_additions() {
    let base = of_class(Quantity::ServerEmbodied, "server-1-cpu");
    let server = of_class(Quantity::ServerEmbodied, "server-2-cpu-384-gb");

    assert_eq!(server.value, base.value + 533.0 + 100.0 + 100.0);
}

#[test]
fn a_gpu_says_that_it_is_low_for_newer_ones() {
    let gpu = of_class(Quantity::GpuEmbodied, "gpu");

    assert_eq!(gpu.value, 150.0);
    assert!(gpu.note.unwrap().contains("it is low"));
}

#[test]
fn base_and_additions_are_those_of_the_published_coefficients() {
    let path = std::env::var_os("WATTLEDGER_SHARED_DATA")
        .map(|data| PathBuf::from(data).join("factors/cloud-carbon-coefficients/coefficients-aws-embodied.csv"));
    let Some(bytes) = path.and_then(|path| std::fs::read(path).ok()) else {
        println!("SKIPPED: WATTLEDGER_SHARED_DATA names no folder with factors/cloud-carbon-coefficients");
        return;
    };
    let base = of_class(Quantity::ServerEmbodied, "server-1-cpu").value;
    let gpu = of_class(Quantity::GpuEmbodied, "gpu").value;
    let mut compared = 0;
    for row in csv::Reader::from_reader(bytes.as_slice()).records() {
        let row = row.unwrap();
        let [memory, storage, cpus, gpus, total]: [f64; 5] = [2, 3, 4, 5, 6].map(|column| row[column].parse().unwrap());
        assert!((total - memory - storage - cpus - gpus - base).abs() < 0.02, "{row:?}");
        assert_eq!((cpus % 100.0, gpus % gpu), (0.0, 0.0), "{row:?}: 100 for each CPU beyond the first, and whole GPUs");
        compared += 1;
    }
    assert!(compared > 400, "only {compared} instance types were compared");
}
