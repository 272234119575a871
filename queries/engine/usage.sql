-- Rows of usage of all days of a cluster that are accounted together, under ids that none of the days shares with another.
-- grain: pod x step   unit: mJ, ms   key: pod_id, step
-- in: usage_files (node_id, pod_id, step, active_mj null, cpu_ms null, tail_mj null): the files of the evidence, as they are
--     day_keys (step, day_id, node_base, pod_base): for each step of the days, which day it is and where its ids begin
-- out: usage, as queries/accounting wants it
-- rule: a cluster's step is of one day. A row of another step is left out; usage_control.sql counts what is left.
SELECT CAST(u.node_id + d.node_base AS INT) AS node_id, CAST(u.pod_id + d.pod_base AS INT) AS pod_id, u.step AS step,
       u.active_mj AS active_mj, u.cpu_ms AS cpu_ms, u.tail_mj AS tail_mj
FROM usage_files AS u
JOIN day_keys AS d ON u.step = d.step
