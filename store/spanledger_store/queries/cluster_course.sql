-- Calls and cost of each cluster by equal steps of time, counted from the first moment on.
SELECT
    c.cluster AS cluster, intDiv(toUnixTimestamp(c.at) - {first:Int64}, {step:Int64}) AS place,
    sum(c.calls) AS calls, sum(c.calls * c.weight) AS weight, sum(toFloat64(ifNull(c.cost_usd, 0))) AS cost_usd
FROM (${calls}) AS c
GROUP BY cluster, place
ORDER BY cluster, place
