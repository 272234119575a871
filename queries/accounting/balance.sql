-- The balance of every node and step: metered = active + idle + system, exactly.
-- grain: node x step   unit: mJ   key: node_id, step
-- in: node_steps (node_id, step, metered_mj, idle_mj null, tier), usage (node_id, pod_id, step, active_mj null, cpu_ms null, tail_mj null),
--     nodes (node_id, site_id, zone_id, pue, idle_policy, tail_policy, is_scope2, annual_gco2e_per_kwh null)
-- out: balance (node_id, step, tier, metered_mj, pods_mj, active_mj, idle_mj, system_mj, correction_mj, idle_cut_mj, tails_mj, tail_mj, moved_mj)
-- rule: method, section 3, point 3. Pods above the node meter are scaled down to it (correction_mj <= 0);
--       idle that does not fit beside the pods is cut to what is left (idle_cut_mj <= 0).
--       Tails: what pods are estimated to have used after their last sample (tails_mj) is in the node's meter and so in system_mj, of which it is
--       at most all (tail_mj). tail_policy 1 last-rate moves it to the pods (moved_mj), 0 leaves it; system_mj is before that.
WITH pod_sums AS (
  SELECT node_id, step, CAST(SUM(COALESCE(active_mj, CAST(0 AS BIGINT))) AS BIGINT) AS pods_mj,
         CAST(SUM(COALESCE(tail_mj, CAST(0 AS BIGINT))) AS BIGINT) AS tails_mj
  FROM usage
  GROUP BY node_id, step
),
joined AS (
  SELECT n.node_id AS node_id, n.step AS step, n.tier AS tier, k.tail_policy AS tail_policy, n.metered_mj AS metered_mj,
         COALESCE(n.idle_mj, CAST(0 AS BIGINT)) AS meter_idle_mj,
         COALESCE(p.pods_mj, CAST(0 AS BIGINT)) AS pods_mj, COALESCE(p.tails_mj, CAST(0 AS BIGINT)) AS tails_mj
  FROM node_steps AS n
  JOIN nodes AS k ON n.node_id = k.node_id
  LEFT JOIN pod_sums AS p ON n.node_id = p.node_id AND n.step = p.step
),
settled AS (
  SELECT node_id, step, tier, tail_policy, metered_mj, meter_idle_mj, pods_mj, tails_mj,
         CASE WHEN pods_mj > metered_mj THEN metered_mj ELSE pods_mj END AS active_mj,
         CASE WHEN pods_mj >= metered_mj THEN CAST(0 AS BIGINT)
              WHEN meter_idle_mj > metered_mj - pods_mj THEN metered_mj - pods_mj
              ELSE meter_idle_mj END AS idle_mj
  FROM joined
),
bounded AS (
  SELECT node_id, step, tier, tail_policy, metered_mj, meter_idle_mj, pods_mj, tails_mj, active_mj, idle_mj,
         metered_mj - active_mj - idle_mj AS system_mj,
         CASE WHEN tails_mj > metered_mj - active_mj - idle_mj THEN metered_mj - active_mj - idle_mj ELSE tails_mj END AS tail_mj
  FROM settled
)
SELECT node_id, step, tier, metered_mj, pods_mj, active_mj, idle_mj, system_mj,
       active_mj - pods_mj AS correction_mj,
       CASE WHEN pods_mj > metered_mj THEN CAST(0 AS BIGINT) ELSE idle_mj - meter_idle_mj END AS idle_cut_mj,
       tails_mj, tail_mj,
       CASE WHEN tail_policy = 1 THEN tail_mj ELSE CAST(0 AS BIGINT) END AS moved_mj
FROM bounded
