-- Active energy of every pod and step after correction.
-- grain: pod x step   unit: mJ, ms   key: node_id, step, row_id
-- in: usage, balance, active_parts (parts of split.sql)   out: active (node_id, step, row_id, active_mj, cpu_ms)
-- rule: method, section 3, points 2 and 3. Usage on a node without a metered step has no balance to stand in; the check UNMETERED counts it.
SELECT u.node_id AS node_id, u.step AS step, u.pod_id AS row_id,
       CASE WHEN b.pods_mj > b.metered_mj THEN COALESCE(p.part, CAST(0 AS BIGINT)) ELSE COALESCE(u.active_mj, CAST(0 AS BIGINT)) END AS active_mj,
       COALESCE(u.cpu_ms, CAST(0 AS BIGINT)) AS cpu_ms
FROM usage AS u
JOIN balance AS b ON u.node_id = b.node_id AND u.step = b.step
LEFT JOIN active_parts AS p ON u.node_id = p.node_id AND u.step = p.step AND u.pod_id = p.row_id
