-- What is to be split of facility energy: the node's energy times PUE, rounded once, in proportion to the rows' energy.
-- grain: row x step   unit: mJ   key: node_id, step, row_id
-- in: energy, nodes   out: facility_quotas (node_id, step, row_id, whole, weight, total)
-- rule: method, section 3, point 7: the whole is round(E x PUE) per node and step, floor(x + 0.5).
WITH totals AS (
  SELECT node_id, step, CAST(SUM(active_mj + idle_mj + system_mj + gap_mj) AS BIGINT) AS total FROM energy GROUP BY node_id, step
)
SELECT e.node_id AS node_id, e.step AS step, e.row_id AS row_id,
       CAST(FLOOR(CAST(t.total AS DOUBLE) * n.pue + CAST(0.5 AS DOUBLE)) AS BIGINT) AS whole,
       e.active_mj + e.idle_mj + e.system_mj + e.gap_mj AS weight, t.total AS total
FROM energy AS e
JOIN totals AS t ON e.node_id = t.node_id AND e.step = t.step
JOIN nodes AS n ON e.node_id = n.node_id
