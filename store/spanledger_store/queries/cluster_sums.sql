-- What the calls of each cluster come to; 0 is what is in none.
SELECT
    c.cluster AS cluster, ${bucket} sum(c.calls) AS calls, sum(c.calls * c.weight) AS weight,
    sum(toDecimal128(ifNull(c.cost_usd, 0), 12)) AS cost_usd, sum(toFloat64(ifNull(c.cost_usd, 0)) * c.weight) AS estimated_cost_usd,
    countIf(isNull(c.cost_usd)) AS unpriced_calls, countIf(c.status = 'error') AS errors,
    quantilesTDigestIf(0.5, 0.95)(ifNull(c.duration_ns, 0), isNotNull(c.duration_ns)) AS duration_ns,
    countIf(isNotNull(c.duration_ns)) AS timed_calls,
    uniqExactIf(c.customer, c.customer != '') AS customers, uniqExactIf(c.user, c.user != '') AS users,
    uniqExactIf(c.session, c.session != '') AS sessions,
    min(toUnixTimestamp64Nano(c.start_time)) AS first_call, max(toUnixTimestamp64Nano(c.start_time)) AS last_call
FROM (${calls}) AS c
GROUP BY ${groups}
ORDER BY ${groups}
