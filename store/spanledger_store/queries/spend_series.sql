-- Spend per bucket of time and value of one dimension.
SELECT
    ${bucket} AS bucket,
    ${dimension} AS label,
    sum(c.cost_usd) AS cost,
    sum(c.calls) AS total_calls
FROM (${source}) AS c
WHERE ${where}
GROUP BY bucket, label
ORDER BY bucket, label
