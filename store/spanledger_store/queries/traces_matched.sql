-- A fragment: one row per trace that begins in the scope and holds a matching span. Spans are read an hour past
-- both ends, so that a trace which crosses an end is whole. What is said of the key alone stands in PREWHERE: it is
-- the same for every version of a span, so it may be decided before FINAL picks one.
SELECT
    trace_id,
    min(start_time) AS started,
    argMin(name, (parent_span_id != '', start_time)) AS root_name,
    argMin(kind, (parent_span_id != '', start_time)) AS root_kind,
    ifNull(
        maxIf(duration_ns, parent_span_id = ''),
        toUInt64(max(toUnixTimestamp64Nano(start_time) + toInt64(ifNull(duration_ns, 0)))
            - min(toUnixTimestamp64Nano(start_time)))
    ) AS duration,
    count() AS span_count,
    countIf(status = 'error') AS error_count,
    countIf(is_billable) AS call_count,
    countIf(is_billable AND isNull(cost_usd) AND price_source = '') AS unpriced_count,
    sumIf(ifNull(cost_usd, 0), is_billable) AS cost,
    sumIf(ifNull(input_tokens, 0) + ifNull(cache_read_tokens, 0) + ifNull(cache_write_tokens, 0), is_billable) AS tokens_in,
    sumIf(ifNull(output_tokens, 0) + ifNull(reasoning_tokens, 0), is_billable) AS tokens_out,
    arraySort(groupUniqArrayIf(10)(model, is_billable AND model != '')) AS models,
    maxIf(customer, customer != '') AS trace_customer,
    maxIf(feature, feature != '') AS trace_feature,
    maxIf(environment, environment != '') AS trace_environment${also}
FROM span_rows FINAL
PREWHERE project_id = {project:String}
  AND start_time >= {reach_from:DateTime64(9, 'UTC')} AND start_time < {reach_to:DateTime64(9, 'UTC')}
  AND ${among}
GROUP BY trace_id
HAVING started >= {start:DateTime64(9, 'UTC')} AND started < {end:DateTime64(9, 'UTC')}
   AND ${having}
