-- The ledger: every row with its energy, its facility energy, its location-based emissions, hourly and annual, and its part of Scope 3 category 3.
-- grain: row x step   unit: mJ, ugCO2e   key: node_id, step, row_id
-- in: energy, facility_parts, emissions, nodes, pods
-- out: ledger (node_id, site_id, row_id, workload_id, step, active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj, facility_mj,
--              operational_hourly_ugco2e null, operational_annual_ugco2e null, upstream_ugco2e null, losses_ugco2e null)
-- rule: method, sections 3 and 4. workload_id of (gap), (idle), (system) is their row_id. Outside the period there are no segments, and no emissions.
--       Upstream and losses are known only where they are in every segment: a sum of nothing is not 0.
WITH by_row AS (
  SELECT node_id, step, row_id, COUNT(operational_hourly_ugco2e) AS segment_count, COUNT(upstream_ugco2e) AS upstream_count,
         COUNT(losses_ugco2e) AS losses_count, CAST(SUM(operational_hourly_ugco2e) AS BIGINT) AS operational_hourly_ugco2e,
         CAST(SUM(upstream_ugco2e) AS BIGINT) AS upstream_ugco2e, CAST(SUM(losses_ugco2e) AS BIGINT) AS losses_ugco2e
  FROM emissions
  GROUP BY node_id, step, row_id
)
SELECT e.node_id AS node_id, n.site_id AS site_id, e.row_id AS row_id, COALESCE(p.workload_id, e.row_id) AS workload_id, e.step AS step,
       e.active_mj AS active_mj, e.idle_mj AS idle_mj, e.system_mj AS system_mj, e.gap_mj AS gap_mj,
       e.allocated_mj AS allocated_mj, e.modelled_mj AS modelled_mj, f.part AS facility_mj,
       h.operational_hourly_ugco2e AS operational_hourly_ugco2e,
       CAST(FLOOR(CAST(f.part AS DOUBLE) * n.annual_gco2e_per_kwh / CAST(3600 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS operational_annual_ugco2e,
       CASE WHEN h.upstream_count = h.segment_count THEN h.upstream_ugco2e END AS upstream_ugco2e,
       CASE WHEN h.losses_count = h.segment_count THEN h.losses_ugco2e END AS losses_ugco2e
FROM energy AS e
JOIN nodes AS n ON e.node_id = n.node_id
JOIN facility_parts AS f ON e.node_id = f.node_id AND e.step = f.step AND e.row_id = f.row_id
LEFT JOIN by_row AS h ON e.node_id = h.node_id AND e.step = h.step AND e.row_id = h.row_id
LEFT JOIN pods AS p ON e.row_id = p.pod_id
