-- The rows of the ledger with their day, for the hash of each day's content.
-- grain: row x step   unit: mJ, ugCO2e   key: node_id, step, row_id
-- in: ledger, day_keys   out: ledger_rows (the columns of ledger but site_id and workload_id, and day_id)
-- rule: one folder a day, so that one day's rows are in memory at a time.
SELECT l.node_id AS node_id, l.step AS step, l.row_id AS row_id, l.active_mj AS active_mj, l.idle_mj AS idle_mj, l.system_mj AS system_mj,
       l.gap_mj AS gap_mj, l.allocated_mj AS allocated_mj, l.modelled_mj AS modelled_mj, l.facility_mj AS facility_mj,
       l.operational_hourly_ugco2e AS operational_hourly_ugco2e, l.operational_annual_ugco2e AS operational_annual_ugco2e,
       l.upstream_ugco2e AS upstream_ugco2e, l.losses_ugco2e AS losses_ugco2e, d.day_id AS day_id
FROM ledger AS l
JOIN day_keys AS d ON l.step = d.step
