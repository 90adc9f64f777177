-- What is known of calls that may explain why a bill differs, by UTC day, provider and model: those that ended on a
-- later day than they began, those that say batch or flex and have the standard price, and those without a price.
SELECT
    toUnixTimestamp(toStartOfDay(start_time, 'UTC')) AS at, provider, model,
    sumIf(ifNull(cost_usd, 0), is_late) AS late_cost,
    sumIf(call_count, is_late) AS late_calls,
    sumIf(ifNull(cost_usd, 0), is_batch) AS batch_cost,
    sumIf(call_count, is_batch) AS batch_calls,
    sumIf(
        ifNull(input_tokens, 0) + ifNull(cache_read_tokens, 0) + ifNull(cache_write_tokens, 0) + ifNull(output_tokens, 0)
        + ifNull(reasoning_tokens, 0) + arraySum(mapValues(other_tokens)),
        isNull(cost_usd) AND price_source = ''
    ) AS unpriced_tokens
FROM
(
    SELECT
        *,
        toDate(fromUnixTimestamp64Nano(toUnixTimestamp64Nano(start_time) + toInt64(ifNull(duration_ns, 0)), 'UTC'))
            > toDate(start_time, 'UTC') AS is_late,
        lower(metadata['service_tier']) IN ('batch', 'batches', 'flex', 'on_demand_flex')
            AND (endsWith(price_source, 'at the standard price') OR NOT match(price_source, 'batch|flex')) AS is_batch
    FROM spans
    WHERE project_id = {project:String} AND is_billable
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
)
GROUP BY at, provider, model
HAVING late_calls > 0 OR batch_calls > 0 OR unpriced_tokens > 0
ORDER BY at, provider, model
