-- What is to be split where pods exceed their node's meter: the meter, in proportion to what each pod claims.
-- grain: pod x step of such node-steps   unit: mJ   key: node_id, step, row_id
-- in: usage, balance   out: active_quotas (node_id, step, row_id, whole, weight, total)
-- rule: method, section 3, point 3: the node meter wins.
SELECT u.node_id AS node_id, u.step AS step, u.pod_id AS row_id,
       b.active_mj AS whole, u.active_mj AS weight, b.pods_mj AS total
FROM usage AS u
JOIN balance AS b ON u.node_id = b.node_id AND u.step = b.step
WHERE b.pods_mj > b.metered_mj AND u.active_mj IS NOT NULL
