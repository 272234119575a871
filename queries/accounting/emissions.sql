-- Emissions of every row by what changes with time: hourly location-based, and upstream and grid losses (Scope 3 category 3).
-- grain: row x step x segment   unit: ugCO2e   key: node_id, step, row_id, from_s
-- in: facility_parts, nodes, segments (zone_id, step, from_s, to_s, step_s, gco2e_per_kwh, upstream_gco2e_per_kwh null, losses_gco2e_per_kwh null);
--     from_s and to_s count from the start of the step
-- out: emissions (node_id, step, row_id, from_s, operational_hourly_ugco2e, upstream_ugco2e null, losses_ugco2e null)
-- rule: method, section 2 (mJ x g/kWh / 3600, floor(x + 0.5), once a row) and section 4. A row across a boundary is split by time: the energy up to
--       each boundary is rounded and differences are taken, so that the parts add up. Category 3 is of what is in Scope 2 (is_scope2 1), 0 of the rest.
WITH cut AS (
  SELECT f.node_id AS node_id, f.step AS step, f.row_id AS row_id, s.from_s AS from_s, n.is_scope2 AS is_scope2, s.gco2e_per_kwh AS gco2e_per_kwh,
         s.upstream_gco2e_per_kwh AS upstream_gco2e_per_kwh, s.losses_gco2e_per_kwh AS losses_gco2e_per_kwh,
         CAST(FLOOR(CAST(f.part AS DOUBLE) * CAST(s.to_s AS DOUBLE) / CAST(s.step_s AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT)
           - CAST(FLOOR(CAST(f.part AS DOUBLE) * CAST(s.from_s AS DOUBLE) / CAST(s.step_s AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS energy_mj
  FROM facility_parts AS f
  JOIN nodes AS n ON f.node_id = n.node_id
  JOIN segments AS s ON n.zone_id = s.zone_id AND f.step = s.step
)
SELECT node_id, step, row_id, from_s,
       CAST(FLOOR(CAST(energy_mj AS DOUBLE) * gco2e_per_kwh / CAST(3600 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS operational_hourly_ugco2e,
       CASE WHEN is_scope2 = 0 THEN CAST(0 AS BIGINT)
            ELSE CAST(FLOOR(CAST(energy_mj AS DOUBLE) * upstream_gco2e_per_kwh / CAST(3600 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT)
            END AS upstream_ugco2e,
       CASE WHEN is_scope2 = 0 THEN CAST(0 AS BIGINT)
            ELSE CAST(FLOOR(CAST(energy_mj AS DOUBLE) * losses_gco2e_per_kwh / CAST(3600 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT)
            END AS losses_ugco2e
FROM cut
