-- The balance of every node and step: metered = active + idle + system, exactly.
-- grain: node x step   unit: mJ   key: node_id, step
-- in: node_steps (node_id, step, metered_mj, idle_mj null), usage (node_id, pod_id, step, active_mj null, cpu_ms null)
-- out: balance (node_id, step, metered_mj, pods_mj, active_mj, idle_mj, system_mj, correction_mj, idle_cut_mj)
-- rule: method, section 3, point 3. Pods above the node meter are scaled down to it (correction_mj <= 0);
--       idle that does not fit beside the pods is cut to what is left (idle_cut_mj <= 0).
WITH pod_sums AS (
  SELECT node_id, step, CAST(SUM(active_mj) AS BIGINT) AS pods_mj
  FROM usage
  WHERE active_mj IS NOT NULL
  GROUP BY node_id, step
),
joined AS (
  SELECT n.node_id AS node_id, n.step AS step, n.metered_mj AS metered_mj,
         COALESCE(n.idle_mj, CAST(0 AS BIGINT)) AS meter_idle_mj,
         COALESCE(p.pods_mj, CAST(0 AS BIGINT)) AS pods_mj
  FROM node_steps AS n
  LEFT JOIN pod_sums AS p ON n.node_id = p.node_id AND n.step = p.step
),
settled AS (
  SELECT node_id, step, metered_mj, meter_idle_mj, pods_mj,
         CASE WHEN pods_mj > metered_mj THEN metered_mj ELSE pods_mj END AS active_mj,
         CASE WHEN pods_mj >= metered_mj THEN CAST(0 AS BIGINT)
              WHEN meter_idle_mj > metered_mj - pods_mj THEN metered_mj - pods_mj
              ELSE meter_idle_mj END AS idle_mj
  FROM joined
)
SELECT node_id, step, metered_mj, pods_mj, active_mj, idle_mj,
       metered_mj - active_mj - idle_mj AS system_mj,
       active_mj - pods_mj AS correction_mj,
       CASE WHEN pods_mj > metered_mj THEN CAST(0 AS BIGINT) ELSE idle_mj - meter_idle_mj END AS idle_cut_mj
FROM settled
