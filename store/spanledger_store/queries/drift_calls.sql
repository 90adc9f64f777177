-- What is compared of calls that asked something, in order of time: of a sample of blocks.
SELECT
    toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, ${block} AS block,
    customer, feature, model, finish_reason, status, environment, release, prompt_version,
    if(
        isNull(input_tokens) AND isNull(cache_read_tokens) AND isNull(cache_write_tokens), NULL,
        ifNull(input_tokens, 0) + ifNull(cache_read_tokens, 0) + ifNull(cache_write_tokens, 0)
    ) AS prompt_tokens,
    if(
        isNull(output_tokens) AND isNull(reasoning_tokens), NULL,
        ifNull(output_tokens, 0) + ifNull(reasoning_tokens, 0)
    ) AS completion_tokens,
    duration_ns, ttft_ns, cost_usd, input_preview
FROM spans
WHERE ${chosen}
ORDER BY start, trace_id, span_id
