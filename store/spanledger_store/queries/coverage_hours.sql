-- Calls and tokens by hour and model: as the clients' metrics count them and as the spans that arrived do. A point
-- belongs to the hour in which its interval ends, a span to the hour it began in. NULL where a side says nothing.
SELECT
    hour, model,
    accurateCastOrNull(round(sum(counted)), 'UInt64') AS metric_calls, sum(arrived) AS span_calls,
    accurateCastOrNull(round(sum(counted_in)), 'UInt64') AS metric_input_tokens, sum(arrived_in) AS span_input_tokens,
    accurateCastOrNull(round(sum(counted_out)), 'UInt64') AS metric_output_tokens, sum(arrived_out) AS span_output_tokens
FROM
(
    SELECT
        toDateTime64(toStartOfHour(time - toIntervalNanosecond(1)), 0, 'UTC') AS hour, model,
        if(name = 'gen_ai.client.operation.duration', step_count, NULL) AS counted,
        if(name = 'gen_ai.client.token.usage' AND token_type = 'input', step_sum, NULL) AS counted_in,
        if(name = 'gen_ai.client.token.usage' AND token_type = 'output', step_sum, NULL) AS counted_out,
        CAST(NULL, 'Nullable(UInt64)') AS arrived, CAST(NULL, 'Nullable(UInt64)') AS arrived_in,
        CAST(NULL, 'Nullable(UInt64)') AS arrived_out
    FROM (${steps})
    WHERE operation NOT IN {other_operations:Array(String)}
    UNION ALL
    SELECT
        toDateTime64(toStartOfHour(start_time), 0, 'UTC'), model, NULL, NULL, NULL, call_count,
        if(isNull(input_tokens) AND isNull(cache_read_tokens) AND isNull(cache_write_tokens) AND empty(other_tokens), NULL,
            ifNull(input_tokens, 0) + ifNull(cache_read_tokens, 0) + ifNull(cache_write_tokens, 0)
            + arraySum(mapValues(mapFilter((unit, _) -> endsWith(unit, '_tokens') AND (startsWith(unit, 'input_') OR startsWith(unit, 'cache_')), other_tokens)))),
        if(isNull(output_tokens) AND isNull(reasoning_tokens) AND empty(other_tokens), NULL,
            ifNull(output_tokens, 0) + ifNull(reasoning_tokens, 0)
            + arraySum(mapValues(mapFilter((unit, _) -> endsWith(unit, '_tokens') AND startsWith(unit, 'output_'), other_tokens))))
    FROM spans
    WHERE project_id = {project:String} AND is_billable
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
)
GROUP BY hour, model
HAVING metric_calls != 0 OR span_calls != 0 OR metric_input_tokens != 0 OR metric_output_tokens != 0
ORDER BY hour, model
