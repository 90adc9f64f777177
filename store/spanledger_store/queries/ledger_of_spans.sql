-- A fragment: hours and slices as the sums of their deduplicated billable spans; those that are frozen count there.
-- One level, so that each shard of a cluster sums its own spans and only sums travel.
SELECT
    s.project_id, toDateTime64(toStartOfHour(s.start_time), 0, 'UTC') AS hour, s.customer, s.feature, s.team, s.provider,
    s.model, s.prompt_name, s.prompt_version, s.environment, s.release,
    sum(s.call_count) AS calls,
    sumIf(s.call_count, s.status = 'error') AS errors,
    sumIf(s.call_count, isNull(s.cost_usd) AND s.price_source = '') AS unpriced_calls,
    sumIf(s.call_count, ifNull(s.cache_hit, false)) AS cache_hits,
    sum(ifNull(s.input_tokens, 0)) AS input_tokens,
    sum(ifNull(s.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(ifNull(s.cache_write_tokens, 0)) AS cache_write_tokens,
    sum(ifNull(s.output_tokens, 0)) AS output_tokens,
    sum(ifNull(s.reasoning_tokens, 0)) AS reasoning_tokens,
    sum(arraySum(mapValues(s.other_tokens))) AS other_tokens,
    sum(ifNull(s.cost_usd, 0)) AS cost_usd,
    sum(ifNull(s.input_cost_usd, 0)) AS input_cost_usd,
    sum(ifNull(s.cache_read_cost_usd, 0)) AS cache_read_cost_usd,
    sum(ifNull(s.cache_write_cost_usd, 0)) AS cache_write_cost_usd,
    sum(ifNull(s.output_cost_usd, 0)) AS output_cost_usd,
    sum(ifNull(s.other_cost_usd, 0)) AS other_cost_usd,
    sum(ifNull(s.client_cost_usd, 0)) AS client_cost_usd,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(ifNull(s.duration_ns, 0), isNotNull(s.duration_ns)) AS duration_digest,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(ifNull(s.ttft_ns, 0), isNotNull(s.ttft_ns)) AS ttft_digest,
    arraySort(groupArray(${identity})) AS identities
FROM spans AS s
WHERE s.is_billable AND ${spans} AND (s.project_id, ${identity}) NOT IN (${frozen})
GROUP BY
    s.project_id, hour, s.customer, s.feature, s.team, s.provider, s.model, s.prompt_name, s.prompt_version,
    s.environment, s.release
