-- What is to be split where tails are moved: what (system) can give, in proportion to the tail of each pod. Where all fits, a part is its tail.
-- grain: pod x step with a tail   unit: mJ   key: node_id, step, row_id
-- in: usage, balance   out: tail_quotas (node_id, step, row_id, whole, weight, total)
-- rule: method, section 3, Tail: never beyond the node's balance.
SELECT u.node_id AS node_id, u.step AS step, u.pod_id AS row_id,
       b.moved_mj AS whole, u.tail_mj AS weight, b.tails_mj AS total
FROM usage AS u
JOIN balance AS b ON u.node_id = b.node_id AND u.step = b.step
WHERE b.moved_mj > 0 AND u.tail_mj IS NOT NULL
