//! The bytes of the ledger, from days written down by hand.

use std::io::Cursor;

use polars::prelude::{DataFrame, ParquetReader, SerReader};

use super::{CsvLedger, ParquetLedger};
use crate::disclosure::hourly::{LedgerDay, Place};

/// 2026-10-03T02:00Z.
const HOUR: i32 = 497_498;

/// Two hours of a workload with a name that is a formula and has commas, quotes and a line break in it, and of (idle).
fn day(hour: i32) -> LedgerDay {
    LedgerDay {
        cluster: "prod-nl".to_owned(),
        names: vec![("(idle)".to_owned(), "(idle)".to_owned()), ("@shop".to_owned(), "Deployment/a,\"b\"\nc".to_owned())],
        cost_centres: vec!["(idle)".to_owned(), "=4711".to_owned()],
        places: vec![Place { grid_zone: "FR+NL".to_owned(), placement: "scope2".to_owned() }],
        hour: vec![hour, hour, hour + 1],
        name: vec![0, 1, 1],
        place: vec![0, 0, 0],
        active_mj: vec![0, 7, 8],
        idle_mj: vec![5, 1, 1],
        system_mj: vec![0, 0, 0],
        metered_mj: vec![5, 8, 9],
        gap_mj: vec![0, 0, 0],
        allocated_mj: vec![0, 0, 9],
        modelled_mj: vec![0, 0, 0],
        facility_mj: vec![6, 10, i64::MAX],
        operational_hourly_ugco2e: vec![1, 2, 3],
        operational_annual_ugco2e: vec![None, Some(2), None],
        upstream_ugco2e: vec![Some(0), Some(1), None],
        losses_ugco2e: vec![None, None, Some(4)],
        scope2_location_based_ugco2e: vec![1, 2, 3],
        scope2_location_based_annual_ugco2e: vec![None, Some(2), None],
        scope2_market_based_ugco2e: vec![Some(0), None, Some(3)],
        scope3_category_1_electricity_ugco2e: vec![Some(0), Some(0), Some(0)],
        scope3_category_3_ugco2e: vec![Some(0), Some(1), None],
        scope3_category_8_ugco2e: vec![Some(0), Some(0), Some(0)],
    }
}

fn parquet(days: &[LedgerDay], group_rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ledger = ParquetLedger::with_group_rows(&mut bytes, group_rows).unwrap();
    days.iter().for_each(|day| ledger.add(day).unwrap());
    ledger.finish().unwrap();
    bytes
}

fn read(bytes: &[u8]) -> DataFrame {
    ParquetReader::new(Cursor::new(bytes)).finish().unwrap()
}

#[test]
fn a_row_is_one_record_whatever_its_names_hold() {
    let mut ledger = CsvLedger::new(Vec::new()).unwrap();
    ledger.add(&day(HOUR)).unwrap();
    let text = String::from_utf8(ledger.finish().unwrap()).unwrap();

    let header = "id,hour,cluster,namespace,workload,cost_centre,grid_zone,placement,active_mj,idle_mj,system_mj,metered_mj,gap_mj,allocated_mj,modelled_mj,facility_mj,\
        operational_hourly_ugco2e,operational_annual_ugco2e,upstream_ugco2e,losses_ugco2e,scope2_location_based_ugco2e,\
        scope2_location_based_annual_ugco2e,scope2_market_based_ugco2e,scope3_category_1_electricity_ugco2e,scope3_category_3_ugco2e,\
        scope3_category_8_ugco2e\r\n";
    let idle = "row:prod-nl:(idle):(idle)@20261003T02Z,2026-10-03T02:00:00Z,prod-nl,(idle),(idle),(idle),FR+NL,scope2,0,5,0,5,0,0,0,6,1,,0,,1,,0,0,0,0\r\n";
    assert_eq!(text[..header.len()], *header);
    assert_eq!(text[header.len()..header.len() + idle.len()], *idle);

    let rows: Vec<csv::StringRecord> = csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[1][3], &rows[1][4], &rows[1][5]), ("'@shop", "Deployment/a,\"b\"\nc", "'=4711"));
    assert_eq!((&rows[1][21], &rows[2][15]), ("2", "9223372036854775807"));
}

#[test]
fn ids_that_are_put_together_are_those_of_their_rows() {
    let day = day(HOUR + 21);
    let mut ids = day.ids();
    for row in [0, 1, 2, 1, 0] {
        assert_eq!(ids.of(row), day.id(row));
    }
    assert!(day.id(1).contains("%40shop") && day.id(2).ends_with("@20261004T00Z"), "{} {}", day.id(1), day.id(2));
}

#[test]
fn parquet_keeps_names_as_they_are_and_unknown_as_null() {
    let frame = read(&parquet(&[day(HOUR)], 1 << 17));

    assert_eq!((frame.height(), frame.width()), (3, 26));
    assert_eq!(frame.column("namespace").unwrap().str().unwrap().get(1), Some("@shop"));
    assert_eq!(frame.column("id").unwrap().str().unwrap().get(0), Some("row:prod-nl:(idle):(idle)@20261003T02Z"));
    assert_eq!(frame.column("scope2_market_based_ugco2e").unwrap().i64().unwrap().iter().collect::<Vec<_>>(), [Some(0), None, Some(3)]);
}

#[test]
fn rows_are_the_same_however_they_are_grouped_and_bytes_whenever_they_are_written() {
    let days: Vec<LedgerDay> = (0..50).map(|number| day(HOUR + 24 * number)).collect();
    let (one, many) = (parquet(&days, 1 << 17), parquet(&days, 10));

    assert!(read(&one).equals_missing(&read(&many)));
    assert!(one == parquet(&days, 1 << 17) && many == parquet(&days, 10));
    assert_eq!(read(&parquet(&[], 10)).height(), 0, "a ledger without rows is a file with columns");
}
