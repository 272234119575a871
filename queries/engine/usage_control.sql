-- What the engine saw of usage, for whoever knows from the manifests what there is.
-- grain: day   unit: rows, mJ   key: day_id
-- in: usage, nodes and pods (with day_id), balance, day_keys
-- out: usage_control (day_id, row_count, metered_count, pod_count, node_count, least_mj, least_tail_mj)
-- rule: row_count has to be that of the manifests, pod_count and node_count the same: a row of a pod or node that the day does not have would vanish in a
--       join, or be taken for one of the next day.
--       metered_count are those with a metered step of their node. An energy below zero is no energy.
SELECT d.day_id AS day_id, COUNT(*) AS row_count, COUNT(b.node_id) AS metered_count, COUNT(p.pod_id) AS pod_count, COUNT(k.node_id) AS node_count,
       CAST(MIN(COALESCE(u.active_mj, CAST(0 AS BIGINT))) AS BIGINT) AS least_mj,
       CAST(MIN(COALESCE(u.tail_mj, CAST(0 AS BIGINT))) AS BIGINT) AS least_tail_mj
FROM usage AS u
JOIN day_keys AS d ON u.step = d.step
LEFT JOIN pods AS p ON u.pod_id = p.pod_id AND d.day_id = p.day_id
LEFT JOIN nodes AS k ON u.node_id = k.node_id AND d.day_id = k.day_id
LEFT JOIN balance AS b ON u.node_id = b.node_id AND u.step = b.step
GROUP BY d.day_id
