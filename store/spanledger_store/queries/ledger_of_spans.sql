-- A fragment: hours and slices as the sums of their deduplicated billable spans; those that are frozen count there.
SELECT
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    sum(n) AS calls,
    sumIf(n, failed) AS errors,
    sumIf(n, isNull(cost) AND source = '') AS unpriced_calls,
    sumIf(n, hit) AS cache_hits,
    sum(t_input) AS input_tokens,
    sum(t_cache_read) AS cache_read_tokens,
    sum(t_cache_write) AS cache_write_tokens,
    sum(t_output) AS output_tokens,
    sum(t_reasoning) AS reasoning_tokens,
    sum(t_other) AS other_tokens,
    sum(ifNull(cost, 0)) AS cost_usd,
    sum(c_input) AS input_cost_usd,
    sum(c_cache_read) AS cache_read_cost_usd,
    sum(c_cache_write) AS cache_write_cost_usd,
    sum(c_output) AS output_cost_usd,
    sum(c_other) AS other_cost_usd,
    sum(c_client) AS client_cost_usd,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(ifNull(duration, 0), isNotNull(duration)) AS duration_digest,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(ifNull(ttft, 0), isNotNull(ttft)) AS ttft_digest,
    arraySort(groupArray(identity)) AS identities
FROM
(
    SELECT
        project_id, toDateTime64(toStartOfHour(start_time), 0, 'UTC') AS hour, customer, feature, team, provider, model,
        prompt_name, prompt_version, environment, release,
        call_count AS n, status = 'error' AS failed, ifNull(cache_hit, false) AS hit,
        ifNull(input_tokens, 0) AS t_input, ifNull(cache_read_tokens, 0) AS t_cache_read,
        ifNull(cache_write_tokens, 0) AS t_cache_write, ifNull(output_tokens, 0) AS t_output,
        ifNull(reasoning_tokens, 0) AS t_reasoning, arraySum(mapValues(other_tokens)) AS t_other,
        cost_usd AS cost, price_source AS source, ifNull(input_cost_usd, 0) AS c_input,
        ifNull(cache_read_cost_usd, 0) AS c_cache_read,
        ifNull(cache_write_cost_usd, 0) AS c_cache_write, ifNull(output_cost_usd, 0) AS c_output,
        ifNull(other_cost_usd, 0) AS c_other, ifNull(client_cost_usd, 0) AS c_client,
        duration_ns AS duration, ttft_ns AS ttft, ${identity} AS identity
    FROM spans
    WHERE is_billable AND ${spans} AND (project_id, ${identity}) NOT IN (${frozen})
)
GROUP BY
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
