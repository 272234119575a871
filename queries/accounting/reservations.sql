-- What workloads reserve of their nodes' CPU and GPUs: the shares by which the making of a node is allocated.
-- grain: node x workload, within the period   unit: CPU milli x steps, GPUs x steps   key: node_id, workload_id
-- in: usage, steps, pods (pod_id, workload_id, job_id null, cpu_request_milli null, gpu_request null)
-- out: reservations (node_id, workload_id, milli_steps, gpu_steps)
-- rule: method, section 5: amortised by time and reserved share. A pod reserves its request in every step in which it was seen, whether or not its node
--       was metered; a row that holds only a tail does not count. Pods without a request reserve nothing.
SELECT u.node_id AS node_id, p.workload_id AS workload_id,
       CAST(SUM(CASE WHEN p.cpu_request_milli > 0 THEN p.cpu_request_milli ELSE CAST(0 AS BIGINT) END) AS BIGINT) AS milli_steps,
       CAST(SUM(CASE WHEN p.gpu_request > 0 THEN p.gpu_request ELSE CAST(0 AS BIGINT) END) AS BIGINT) AS gpu_steps
FROM usage AS u
JOIN steps AS s ON u.step = s.step
JOIN pods AS p ON u.pod_id = p.pod_id
WHERE (p.cpu_request_milli > 0 OR p.gpu_request > 0)
  AND (COALESCE(u.tail_mj, CAST(0 AS BIGINT)) = 0 OR COALESCE(u.active_mj, CAST(0 AS BIGINT)) <> 0 OR COALESCE(u.cpu_ms, CAST(0 AS BIGINT)) <> 0)
GROUP BY u.node_id, p.workload_id
