-- Sums by workload and hour: what every total of the report is made of.
-- grain: site x workload x hour, within the period   unit: mJ, ugCO2e   key: site_id, workload_id, hour
-- in: ledger, steps (step, hour): the steps of the period, with their hour since the epoch
-- out: workload_hours (site_id, workload_id, hour, active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, facility_mj,
--                      operational_hourly_ugco2e, operational_annual_ugco2e null, upstream_ugco2e null, losses_ugco2e null)
-- rule: method, section 2: integer sums, so any order and partition gives the same digits. Where a zone has no annual factor, no upstream or no losses, the
--       sum is null or 0, as the engine has it, and means nothing.
SELECT l.site_id AS site_id, l.workload_id AS workload_id, s.hour AS hour,
       CAST(SUM(l.active_mj) AS BIGINT) AS active_mj, CAST(SUM(l.idle_mj) AS BIGINT) AS idle_mj,
       CAST(SUM(l.system_mj) AS BIGINT) AS system_mj, CAST(SUM(l.gap_mj) AS BIGINT) AS gap_mj,
       CAST(SUM(l.allocated_mj) AS BIGINT) AS allocated_mj, CAST(SUM(l.modelled_mj) AS BIGINT) AS modelled_mj,
       CAST(SUM(l.facility_mj) AS BIGINT) AS facility_mj,
       CAST(SUM(l.operational_hourly_ugco2e) AS BIGINT) AS operational_hourly_ugco2e,
       CAST(SUM(l.operational_annual_ugco2e) AS BIGINT) AS operational_annual_ugco2e,
       CAST(SUM(l.upstream_ugco2e) AS BIGINT) AS upstream_ugco2e,
       CAST(SUM(l.losses_ugco2e) AS BIGINT) AS losses_ugco2e
FROM ledger AS l
JOIN steps AS s ON l.step = s.step
GROUP BY l.site_id, l.workload_id, s.hour
