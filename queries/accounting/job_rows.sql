-- Actual and counterfactual emissions of job runs: the same active energy, met with two intensities.
-- grain: job run, one cluster-day   unit: mJ, ugCO2e   key: job_id
-- in: ledger, pods (pod_id, workload_id, job_id null, cpu_request_milli null), run_steps (job_id, site_id, step, actual_ug_per_mj, counterfactual_ug_per_mj), steps
-- out: job_rows (job_id, active_mj, outside_mj, actual_ugco2e, counterfactual_ugco2e null)
-- rule: method, section 7. run_steps holds, for each step of a run, PUE x mean intensity over the run's part of the step, as it was and moved by
--       (start - baseline start) to the baseline zone; one rounding a row, floor(x + 0.5). Idle does not move with a job and is on neither side.
SELECT p.job_id AS job_id,
       CAST(SUM(l.active_mj) AS BIGINT) AS active_mj,
       CAST(SUM(CASE WHEN s.step IS NULL THEN l.active_mj ELSE CAST(0 AS BIGINT) END) AS BIGINT) AS outside_mj,
       CAST(SUM(CAST(FLOOR(CAST(l.active_mj AS DOUBLE) * r.actual_ug_per_mj + CAST(0.5 AS DOUBLE)) AS BIGINT)) AS BIGINT) AS actual_ugco2e,
       CAST(SUM(CAST(FLOOR(CAST(l.active_mj AS DOUBLE) * r.counterfactual_ug_per_mj + CAST(0.5 AS DOUBLE)) AS BIGINT)) AS BIGINT) AS counterfactual_ugco2e
FROM ledger AS l
JOIN pods AS p ON l.row_id = p.pod_id
JOIN run_steps AS r ON p.job_id = r.job_id AND l.site_id = r.site_id AND l.step = r.step
LEFT JOIN steps AS s ON l.step = s.step
GROUP BY p.job_id
