-- Spend per combination of dimensions. A group in which not one call has a price costs NULL, not 0.
SELECT
    ${dimensions},
    sum(l.calls) AS calls,
    sum(l.errors) AS errors,
    sum(l.unpriced_calls) AS unpriced_calls,
    sum(l.input_tokens + l.cache_read_tokens + l.cache_write_tokens) AS prompt_tokens,
    sum(l.output_tokens) AS output_tokens,
    if(sum(l.calls) > sum(l.unpriced_calls), sum(l.cost_usd), NULL) AS cost_usd
FROM ledger AS l
WHERE l.project_id = {project:String} AND l.hour >= {start:DateTime('UTC')} AND l.hour < {end:DateTime('UTC')}
GROUP BY ${groups}
ORDER BY ${order}
