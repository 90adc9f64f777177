-- Whose calls, or by which model, a cluster's are: its most frequent values of one dimension.
SELECT ${column} AS value, sum(c.calls) AS calls, sum(c.calls * c.weight) AS weight,
    sum(toDecimal128(ifNull(c.cost_usd, 0), 12)) AS cost_usd
FROM (${calls}) AS c
WHERE c.cluster = {cluster:UInt32}
GROUP BY value
ORDER BY weight DESC, value
LIMIT {limit:UInt32}
