-- One block of a period's billable calls that a price list may price, in the order of the table's key. What has come
-- again of an expired call is none of them.
SELECT
    toUnixTimestamp64Nano(start_time) AS start_ns, trace_id, span_id, toUnixTimestamp64Nano(ingested_at) AS version_ns,
    call_count, toString(provider) AS provider, toString(model) AS model, toString(customer) AS customer,
    toString(feature) AS feature, metadata['service_tier'] AS service_tier, duration_ns,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
    arrayMap(x -> toString(x), mapKeys(other_tokens)) AS other_names, mapValues(other_tokens) AS other_counts,
    cost_usd, input_cost_usd, cache_read_cost_usd, cache_write_cost_usd, output_cost_usd, other_cost_usd,
    toString(price_source) AS price_source
FROM spans
WHERE is_billable AND NOT ifNull(cache_hit, false)
  AND ${spans} AND (project_id, ${identity}) NOT IN (${frozen})
  AND (start_time, trace_id, span_id) > (fromUnixTimestamp64Nano({start:Int64}, 'UTC'), {trace:String}, {span:String})
  AND ({customer:String} = '' OR customer = {customer:String})
  AND ({model:String} = '' OR model = {model:String})
ORDER BY start_time, trace_id, span_id
LIMIT {limit:UInt32}
