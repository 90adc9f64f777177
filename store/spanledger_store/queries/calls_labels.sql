-- Values of one dimension, the dearest first, without their sums: those of ten thousand users cost more to make than
-- to find.
SELECT ${dimension} AS label
FROM (${source}) AS c
WHERE ${where}
GROUP BY label
ORDER BY sum(c.cost_usd) DESC, sum(c.calls) DESC, label
LIMIT {limit:UInt32}
