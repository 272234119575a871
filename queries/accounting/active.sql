-- Active energy of every pod and step after correction, with the tail that was moved to it.
-- grain: pod x step   unit: mJ, ms   key: node_id, step, row_id
-- in: usage, balance, active_parts and tail_parts (parts of split.sql)
-- out: active (node_id, step, row_id, tier, active_mj, moved_mj, cpu_ms, is_tail_only); active_mj includes moved_mj
-- rule: method, section 3, points 2 and 3, and Tail. Usage on a node without a metered step has no balance to stand in; the check UNMETERED counts it.
--       Where pods exceed their meter nothing is left to move, so a row has a part of one kind at most. is_tail_only 1: nothing of the pod was measured.
SELECT u.node_id AS node_id, u.step AS step, u.pod_id AS row_id, b.tier AS tier,
       CASE WHEN b.pods_mj > b.metered_mj THEN COALESCE(p.part, CAST(0 AS BIGINT)) ELSE COALESCE(u.active_mj, CAST(0 AS BIGINT)) END
         + COALESCE(t.part, CAST(0 AS BIGINT)) AS active_mj,
       COALESCE(t.part, CAST(0 AS BIGINT)) AS moved_mj,
       COALESCE(u.cpu_ms, CAST(0 AS BIGINT)) AS cpu_ms,
       CASE WHEN COALESCE(u.tail_mj, CAST(0 AS BIGINT)) > 0 AND COALESCE(u.active_mj, CAST(0 AS BIGINT)) = 0
             AND COALESCE(u.cpu_ms, CAST(0 AS BIGINT)) = 0 THEN CAST(1 AS INT) ELSE CAST(0 AS INT) END AS is_tail_only
FROM usage AS u
JOIN balance AS b ON u.node_id = b.node_id AND u.step = b.step
LEFT JOIN active_parts AS p ON u.node_id = p.node_id AND u.step = p.step AND u.pod_id = p.row_id
LEFT JOIN tail_parts AS t ON u.node_id = t.node_id AND u.step = t.step AND u.pod_id = t.row_id
