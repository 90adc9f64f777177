-- The spans of one trace in order of time; all of them, or the one named.
SELECT
    span_id, parent_span_id, name, kind, operation, toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns, ttft_ns,
    status, error_type, status_message, provider, request_model, model, response_id, finish_reason,
    customer, user, session, feature, team, environment, release, service, prompt_name, prompt_version, tags,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
    arraySum(mapValues(other_tokens)) AS other_tokens,
    cost_usd, input_cost_usd, cache_read_cost_usd, cache_write_cost_usd, output_cost_usd, other_cost_usd,
    client_cost_usd, price_source, is_billable, cache_hit
FROM spans
WHERE project_id = {project:String} AND trace_id = {trace:String}
  AND ({span:String} = '' OR span_id = {span:String})
ORDER BY start_time, span_id
LIMIT {limit:UInt32}
