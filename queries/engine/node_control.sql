-- What the engine saw of node_steps, and the largest wholes and totals that it split.
-- grain: day   unit: rows, mJ, ms   key: day_id
-- in: node_steps, usage, nodes (with day_id), balance, day_keys
-- out: node_control (day_id, row_count, metered_count, node_count, most_metered_mj, most_pods_mj, most_tails_mj, most_cpu_ms null)
-- rule: row_count has to be that of the manifests; metered_count and node_count the same: a meter without a value, or of a node that nobody knows, is none.
--       Wholes and totals below 2^38: beyond that a node-step is not a machine's energy, and split.sql is not exact.
WITH cpu AS (
  SELECT node_id, step, CAST(SUM(COALESCE(cpu_ms, CAST(0 AS BIGINT))) AS BIGINT) AS cpu_ms
  FROM usage
  GROUP BY node_id, step
)
SELECT d.day_id AS day_id, COUNT(*) AS row_count, COUNT(n.metered_mj) AS metered_count, COUNT(k.node_id) AS node_count,
       CAST(MAX(n.metered_mj) AS BIGINT) AS most_metered_mj, CAST(MAX(b.pods_mj) AS BIGINT) AS most_pods_mj,
       CAST(MAX(b.tails_mj) AS BIGINT) AS most_tails_mj, CAST(MAX(c.cpu_ms) AS BIGINT) AS most_cpu_ms
FROM node_steps AS n
JOIN day_keys AS d ON n.step = d.step
LEFT JOIN nodes AS k ON n.node_id = k.node_id AND d.day_id = k.day_id
LEFT JOIN balance AS b ON n.node_id = b.node_id AND n.step = b.step
LEFT JOIN cpu AS c ON n.node_id = c.node_id AND n.step = c.step
GROUP BY d.day_id
