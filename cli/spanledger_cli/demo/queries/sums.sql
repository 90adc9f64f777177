-- The sums that ledger and spans must agree on, first of the ledger, then of the spans.
SELECT 'ledger' AS source, sum(calls) AS calls, sum(errors) AS errors, sum(unpriced_calls) AS unpriced,
       sum(input_tokens) AS input_tokens, sum(cache_read_tokens) AS cache_read_tokens,
       sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens,
       sum(reasoning_tokens) AS reasoning_tokens, sum(cost_usd) AS cost_usd
FROM ledger
WHERE project_id = {project:String} AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
UNION ALL
SELECT 'spans', count(), countIf(status = 'error'), countIf(isNull(cost_usd) AND price_source = ''),
       sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens),
       sum(reasoning_tokens), sum(toDecimal128(ifNull(cost_usd, 0), 12))
FROM spans
WHERE project_id = {project:String} AND is_billable
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
