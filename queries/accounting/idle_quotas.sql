-- What is to be split of idle energy, by the organisation's policy.
-- grain: pod x step with a weight   unit: mJ; weight in CPU ms or CPU milli   key: node_id, step, row_id
-- in: active, balance, pods (pod_id, workload_id, cpu_request_milli null), nodes
-- out: idle_quotas (node_id, step, row_id, whole, weight, total)
-- rule: method, section 3, point 4. idle_policy 1 by-usage, 2 by-request, 0 unallocated; where nobody ran, nothing is split and it stays in (idle).
--       A pod of which only a tail is known in a step was not measured in it and takes no idle energy, whatever becomes of tails.
WITH weights AS (
  SELECT a.node_id AS node_id, a.step AS step, a.row_id AS row_id,
         CASE WHEN n.idle_policy = 1 THEN a.cpu_ms
              WHEN n.idle_policy = 2 AND a.is_tail_only = 0 THEN COALESCE(p.cpu_request_milli, CAST(0 AS BIGINT))
              ELSE CAST(0 AS BIGINT) END AS weight
  FROM active AS a
  JOIN nodes AS n ON a.node_id = n.node_id
  JOIN pods AS p ON a.row_id = p.pod_id
),
totals AS (
  SELECT node_id, step, CAST(SUM(weight) AS BIGINT) AS total FROM weights GROUP BY node_id, step
)
SELECT w.node_id AS node_id, w.step AS step, w.row_id AS row_id, b.idle_mj AS whole, w.weight AS weight, t.total AS total
FROM weights AS w
JOIN totals AS t ON w.node_id = t.node_id AND w.step = t.step
JOIN balance AS b ON w.node_id = b.node_id AND w.step = b.step
WHERE w.weight > 0 AND b.idle_mj > 0
