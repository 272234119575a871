-- What job runs used and asked for, step by step: what is moved when a run is.
-- grain: job run x step x site, one cluster-day   unit: mJ, CPU milli   key: job_id, step, site_id
-- in: ledger, usage, nodes, pods (pod_id, workload_id, job_id null, cpu_request_milli null), run_steps (job_id, site_id, step)
-- out: job_steps (job_id, step, site_id, active_mj, cpu_request_milli)
-- rule: method, section 7. active_mj adds up to that of job_rows. A pod that was seen in a step asks for its request, whether or not it used energy or its
--       node was metered; a row that holds only a tail does not count. Steps outside the period belong to a run as well.
WITH parts AS (
  SELECT p.job_id AS job_id, l.step AS step, l.site_id AS site_id, l.active_mj AS active_mj, CAST(0 AS BIGINT) AS cpu_request_milli
  FROM ledger AS l
  JOIN pods AS p ON l.row_id = p.pod_id
  WHERE l.active_mj > 0
  UNION ALL
  SELECT p.job_id AS job_id, u.step AS step, n.site_id AS site_id, CAST(0 AS BIGINT) AS active_mj, p.cpu_request_milli AS cpu_request_milli
  FROM usage AS u
  JOIN nodes AS n ON u.node_id = n.node_id
  JOIN pods AS p ON u.pod_id = p.pod_id
  WHERE p.cpu_request_milli > 0
    AND (COALESCE(u.tail_mj, CAST(0 AS BIGINT)) = 0 OR COALESCE(u.active_mj, CAST(0 AS BIGINT)) <> 0 OR COALESCE(u.cpu_ms, CAST(0 AS BIGINT)) <> 0)
)
SELECT q.job_id AS job_id, q.step AS step, q.site_id AS site_id,
       CAST(SUM(q.active_mj) AS BIGINT) AS active_mj, CAST(SUM(q.cpu_request_milli) AS BIGINT) AS cpu_request_milli
FROM parts AS q
JOIN run_steps AS r ON q.job_id = r.job_id AND q.site_id = r.site_id AND q.step = r.step
GROUP BY q.job_id, q.step, q.site_id
