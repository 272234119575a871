-- Largest remainder: shares a whole among the rows of a node and step so that the parts add up to it.
-- grain: that of quotas   unit: that of whole   key: node_id, step, row_id
-- in: quotas (node_id, step, row_id, whole, weight, total); whole, weight and total below 2^38, total > 0
-- out: parts (node_id, step, row_id, part)
-- rule: method, section 2. quota = whole x weight / total; each row gets the floor, and what is left goes, one unit each, to the largest
--       remainders, of equal ones to the first key (row_id follows the order of the keys).
-- whole x weight may need more than 64 bits, so the weight is taken in two limbs of 16 bits. An integer quotient is (x - x % y) / y,
-- which is exact in doubles because it is a whole number far below 2^52.
WITH limbs AS (
  SELECT node_id, step, row_id, whole, weight, total,
         CAST(FLOOR(CAST(whole - whole % total AS DOUBLE) / CAST(total AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS wholes,
         whole % total AS rest,
         CAST(FLOOR(CAST(weight - weight % 65536 AS DOUBLE) / CAST(65536 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS high,
         weight % 65536 AS low
  FROM quotas
),
high_part AS (
  SELECT node_id, step, row_id, whole, weight, total, wholes, rest, low,
         CAST(FLOOR(CAST(rest * high - (rest * high) % total AS DOUBLE) / CAST(total AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS high_quotient,
         ((rest * high) % total) * 65536 + rest * low AS carried
  FROM limbs
),
quotient AS (
  SELECT node_id, step, row_id, whole,
         wholes * weight + high_quotient * 65536
           + CAST(FLOOR(CAST(carried - carried % total AS DOUBLE) / CAST(total AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) AS floor_part,
         0 - carried % total AS minus_remainder
  FROM high_part
),
ranked AS (
  SELECT node_id, step, row_id, floor_part, whole,
         CAST(SUM(floor_part) OVER (PARTITION BY node_id, step) AS BIGINT) AS floor_sum,
         ROW_NUMBER() OVER (PARTITION BY node_id, step ORDER BY minus_remainder, row_id) AS place
  FROM quotient
)
SELECT node_id, step, row_id,
       floor_part + CASE WHEN CAST(place AS BIGINT) <= whole - floor_sum THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS part
FROM ranked
