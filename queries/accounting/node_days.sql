-- The reconciliation of every node with its meter, for one UTC day cut by the period.
-- grain: node   unit: mJ   key: node_id
-- in: balance, ledger, steps, gaps   out: node_days (node_id, metered_mj, attributed_mj, idle_mj, system_mj, gap_mj, correction_mj, idle_cut_mj, tail_mj)
-- rule: method, section 3, Balance: metered = attributed + (idle) + (system), where attributed = active after correction + allocated idle.
--       tail_mj is the size of the tails, moved or not: what fits into each step's (system).
WITH meters AS (
  SELECT b.node_id AS node_id, CAST(SUM(b.metered_mj) AS BIGINT) AS metered_mj, CAST(SUM(b.correction_mj) AS BIGINT) AS correction_mj,
         CAST(SUM(b.idle_cut_mj) AS BIGINT) AS idle_cut_mj, CAST(SUM(b.tail_mj) AS BIGINT) AS tail_mj
  FROM balance AS b JOIN steps AS s ON b.step = s.step
  GROUP BY b.node_id
),
booked AS (
  SELECT l.node_id AS node_id,
         CAST(SUM(CASE WHEN l.row_id >= 0 THEN l.active_mj + l.idle_mj ELSE CAST(0 AS BIGINT) END) AS BIGINT) AS attributed_mj,
         CAST(SUM(CASE WHEN l.row_id < 0 THEN l.idle_mj ELSE CAST(0 AS BIGINT) END) AS BIGINT) AS idle_mj,
         CAST(SUM(l.system_mj) AS BIGINT) AS system_mj, CAST(SUM(l.gap_mj) AS BIGINT) AS gap_mj
  FROM ledger AS l JOIN steps AS s ON l.step = s.step
  GROUP BY l.node_id
)
SELECT k.node_id AS node_id, COALESCE(m.metered_mj, CAST(0 AS BIGINT)) AS metered_mj, COALESCE(b.attributed_mj, CAST(0 AS BIGINT)) AS attributed_mj,
       COALESCE(b.idle_mj, CAST(0 AS BIGINT)) AS idle_mj, COALESCE(b.system_mj, CAST(0 AS BIGINT)) AS system_mj,
       COALESCE(b.gap_mj, CAST(0 AS BIGINT)) AS gap_mj, COALESCE(m.correction_mj, CAST(0 AS BIGINT)) AS correction_mj,
       COALESCE(m.idle_cut_mj, CAST(0 AS BIGINT)) AS idle_cut_mj, COALESCE(m.tail_mj, CAST(0 AS BIGINT)) AS tail_mj
FROM nodes AS k
LEFT JOIN meters AS m ON k.node_id = m.node_id
LEFT JOIN booked AS b ON k.node_id = b.node_id
