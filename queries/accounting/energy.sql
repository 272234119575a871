-- Every row of the ledger with its energy: pods with their share of idle, and what is nobody's: (gap) -3, (idle) -2, (system) -1.
-- grain: row x step, rows without energy left out   unit: mJ   key: node_id, step, row_id
-- in: active, idle_parts, balance, gaps (node_id, step, gap_mj)
-- out: energy (node_id, step, row_id, active_mj, idle_mj, system_mj, gap_mj, allocated_mj, modelled_mj)
-- rule: method, section 3, points 3 and 4, Gaps, Quality tier. tier 1 metered, 2 allocated, 3 modelled, 4 filled. allocated_mj and modelled_mj are those of
--       the row's active, idle and system energy that are not metered: all of it in a step of that tier, and of a metered step the moved tails.
WITH given AS (
  SELECT node_id, step, CAST(SUM(part) AS BIGINT) AS given_mj FROM idle_parts GROUP BY node_id, step
),
every_row AS (
  SELECT a.node_id AS node_id, a.step AS step, a.row_id AS row_id, a.tier AS tier, a.moved_mj AS moved_mj, a.active_mj AS active_mj,
         COALESCE(i.part, CAST(0 AS BIGINT)) AS idle_mj, CAST(0 AS BIGINT) AS system_mj, CAST(0 AS BIGINT) AS gap_mj
  FROM active AS a
  LEFT JOIN idle_parts AS i ON a.node_id = i.node_id AND a.step = i.step AND a.row_id = i.row_id
  UNION ALL
  SELECT b.node_id AS node_id, b.step AS step, CAST(-2 AS INT) AS row_id, b.tier AS tier, CAST(0 AS BIGINT) AS moved_mj, CAST(0 AS BIGINT) AS active_mj,
         b.idle_mj - COALESCE(g.given_mj, CAST(0 AS BIGINT)) AS idle_mj, CAST(0 AS BIGINT) AS system_mj, CAST(0 AS BIGINT) AS gap_mj
  FROM balance AS b
  LEFT JOIN given AS g ON b.node_id = g.node_id AND b.step = g.step
  UNION ALL
  SELECT node_id, step, CAST(-1 AS INT) AS row_id, tier, CAST(0 AS BIGINT) AS moved_mj, CAST(0 AS BIGINT) AS active_mj, CAST(0 AS BIGINT) AS idle_mj,
         system_mj - moved_mj AS system_mj, CAST(0 AS BIGINT) AS gap_mj
  FROM balance
  UNION ALL
  SELECT node_id, step, CAST(-3 AS INT) AS row_id, CAST(4 AS INT) AS tier, CAST(0 AS BIGINT) AS moved_mj, CAST(0 AS BIGINT) AS active_mj,
         CAST(0 AS BIGINT) AS idle_mj, CAST(0 AS BIGINT) AS system_mj, gap_mj
  FROM gaps
)
SELECT node_id, step, row_id, active_mj, idle_mj, system_mj, gap_mj,
       CASE WHEN tier = 2 THEN active_mj + idle_mj + system_mj WHEN tier = 1 THEN moved_mj ELSE CAST(0 AS BIGINT) END AS allocated_mj,
       CASE WHEN tier = 3 THEN active_mj + idle_mj + system_mj ELSE CAST(0 AS BIGINT) END AS modelled_mj
FROM every_row
WHERE active_mj + idle_mj + system_mj + gap_mj > 0
