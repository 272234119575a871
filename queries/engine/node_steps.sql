-- Rows of node_steps of all days of a cluster that are accounted together, under ids that none of the days shares with another.
-- grain: node x step   unit: mJ   key: node_id, step
-- in: node_step_files (node_id, step, metered_mj, idle_mj null, tier): the files of the evidence, as they are
--     day_keys (step, day_id, node_base, pod_base)
-- out: node_steps, as queries/accounting wants it
-- rule: as usage.sql; node_control.sql counts what is left.
SELECT CAST(n.node_id + d.node_base AS INT) AS node_id, n.step AS step, n.metered_mj AS metered_mj, n.idle_mj AS idle_mj, n.tier AS tier
FROM node_step_files AS n
JOIN day_keys AS d ON n.step = d.step
