-- A fragment: the same columns from the spans themselves, for any stretch of time and every dimension.
SELECT
    toDateTime(start_time, 'UTC') AS at, customer, feature, team, provider, model, prompt_version, environment, release,
    user, status, tags,
    call_count AS calls, if(status = 'error', call_count, 0) AS errors,
    if(isNull(span_cost) AND price_source = '', call_count, 0) AS unpriced_calls,
    if(ifNull(cache_hit, false), call_count, 0) AS cache_hits,
    ifNull(t_input, 0) AS input_tokens, ifNull(t_cache_read, 0) AS cache_read_tokens,
    ifNull(t_cache_write, 0) AS cache_write_tokens, ifNull(t_output, 0) AS output_tokens,
    ifNull(t_reasoning, 0) AS reasoning_tokens, arraySum(mapValues(t_other)) AS other_tokens,
    ifNull(span_cost, 0) AS cost_usd, ifNull(c_input, 0) AS input_cost_usd,
    ifNull(c_cache_read, 0) AS cache_read_cost_usd, ifNull(c_cache_write, 0) AS cache_write_cost_usd,
    ifNull(c_output, 0) AS output_cost_usd, ifNull(c_other, 0) AS other_cost_usd,
    duration_ns
FROM
(
    SELECT
        start_time, customer, feature, team, provider, model, prompt_version, environment, release, user, status, tags,
        call_count, cache_hit, duration_ns, price_source, cost_usd AS span_cost, input_tokens AS t_input, cache_read_tokens AS t_cache_read,
        cache_write_tokens AS t_cache_write, output_tokens AS t_output, reasoning_tokens AS t_reasoning,
        other_tokens AS t_other, input_cost_usd AS c_input, cache_read_cost_usd AS c_cache_read,
        cache_write_cost_usd AS c_cache_write, output_cost_usd AS c_output, other_cost_usd AS c_other
    FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
      AND ${among}
    WHERE is_billable
)
