-- Spend per combination of dimensions. A group whose only spend is unpriced costs NULL, not 0.
SELECT
    ${dimensions},
    sum(l.calls) AS calls,
    sum(l.errors) AS errors,
    sum(l.unpriced_calls) AS unpriced_calls,
    sum(l.input_tokens + l.cache_read_tokens + l.cache_write_tokens) AS prompt_tokens,
    sum(l.output_tokens) AS output_tokens,
    if(sum(l.unpriced_calls) > 0 AND sum(l.cost_usd) = 0, NULL, sum(l.cost_usd)) AS cost_usd
FROM ledger AS l
WHERE l.project_id = {project:String} AND l.hour >= {start:DateTime('UTC')} AND l.hour < {end:DateTime('UTC')}
GROUP BY ${groups}
ORDER BY ${order}
