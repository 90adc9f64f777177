-- Billable calls by feature and model, as far apart as prices may be: by UTC day and by size of the prompt in thousands of
-- tokens. `fit` are calls whose cost and tokens are known whole; of the others only the number is told.
SELECT
    feature, provider_name, model_name, operation_name, origin, waits, fit, day, size,
    sum(call_count) AS calls,
    sum(t_input) AS input_tokens, sum(t_read) AS cache_read_tokens, sum(t_write) AS cache_write_tokens,
    sum(t_output) AS output_tokens, sum(t_reasoning) AS reasoning_tokens,
    sum(ifNull(span_cost, 0)) AS cost_usd, argMax(trace_id, ifNull(span_cost, 0)) AS example,
    max(ifNull(span_cost, 0)) AS dearest
FROM
(
    SELECT
        *,
        isNotNull(span_cost) AND status != 'error' AND NOT ifNull(cache_hit, false) AND empty(other_tokens)
            AND t_input + t_read + t_write + t_output + t_reasoning > 0 AS fit,
        if(fit, toUnixTimestamp(toStartOfDay(start_time)), 0) AS day,
        if(fit, intDiv(greatest(intDiv(t_input + t_read + t_write + call_count - 1, call_count), 1) - 1, 1000), 0) AS size
    FROM
    (
        SELECT
            toString(feature) AS feature, toString(provider) AS provider_name, toString(model) AS model_name,
            toString(operation) AS operation_name, status, cache_hit, other_tokens, start_time, trace_id, call_count,
            multiIf(startsWith(price_source, 'own '), 'own', match(price_source, '\\b(batch|flex)\\b'), 'class', 'list')
                AS origin,
            isNotNull(ttft_ns) OR session != '' AS waits,
            cost_usd AS span_cost, ifNull(input_tokens, 0) AS t_input, ifNull(cache_read_tokens, 0) AS t_read,
            ifNull(cache_write_tokens, 0) AS t_write, ifNull(output_tokens, 0) AS t_output,
            ifNull(reasoning_tokens, 0) AS t_reasoning
        FROM span_rows FINAL
        PREWHERE project_id = {project:String}
          AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
        WHERE is_billable AND ${where}
    )
)
GROUP BY feature, provider_name, model_name, operation_name, origin, waits, fit, day, size
ORDER BY feature, provider_name, model_name, operation_name, origin, waits, fit, day, size
