-- What all pods of a cluster asked for, step by step: what the moved runs are set beside.
-- grain: step, within the period   unit: CPU milli   key: step
-- in: usage, steps, pods (pod_id, workload_id, job_id null, cpu_request_milli null)   out: step_requests (step, cpu_request_milli)
-- rule: method, section 7, capacity. A pod asks for its request in every step in which it was seen, as in reservations; steps without a request are left out.
SELECT u.step AS step, CAST(SUM(p.cpu_request_milli) AS BIGINT) AS cpu_request_milli
FROM usage AS u
JOIN steps AS s ON u.step = s.step
JOIN pods AS p ON u.pod_id = p.pod_id
WHERE p.cpu_request_milli > 0
  AND (COALESCE(u.tail_mj, CAST(0 AS BIGINT)) = 0 OR COALESCE(u.active_mj, CAST(0 AS BIGINT)) <> 0 OR COALESCE(u.cpu_ms, CAST(0 AS BIGINT)) <> 0)
GROUP BY u.step
