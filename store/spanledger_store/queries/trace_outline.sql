-- The spans of one trace in order of time, with what the waterfall draws of each.
SELECT
    span_id, parent_span_id, name, kind, model, toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns, ttft_ns,
    status, error_type, customer, feature, release,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
    cost_usd, price_source, is_billable
FROM span_rows FINAL
PREWHERE project_id = {project:String} AND trace_id = {trace:String}
ORDER BY start_time, span_id
LIMIT {limit:UInt32}
