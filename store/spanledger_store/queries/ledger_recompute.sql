-- Replaces the given hours of one project: sums over the deduplicated billable spans, plus a row of zeros
-- for every slice that an hour had and has no more. The revision counts up, so no clock decides which row wins.
INSERT INTO ledger_rows
SELECT
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release,
    countIf(is_span) AS calls,
    countIf(is_span AND failed) AS errors,
    countIf(is_span AND isNull(cost) AND source = '') AS unpriced_calls,
    countIf(is_span AND hit) AS cache_hits,
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
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(ifNull(duration, 0), is_span AND isNotNull(duration)) AS duration_digest,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(ifNull(ttft, 0), is_span AND isNotNull(ttft)) AS ttft_digest,
    (
        SELECT max(revision) + 1 FROM ledger_rows
        WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
    ) AS revision
FROM
(
    SELECT
        project_id, toDateTime64(toStartOfHour(start_time), 0, 'UTC') AS hour, customer, feature, team, provider, model,
        prompt_name, prompt_version, environment, release,
        true AS is_span, status = 'error' AS failed, ifNull(cache_hit, false) AS hit,
        ifNull(input_tokens, 0) AS t_input, ifNull(cache_read_tokens, 0) AS t_cache_read,
        ifNull(cache_write_tokens, 0) AS t_cache_write, ifNull(output_tokens, 0) AS t_output,
        ifNull(reasoning_tokens, 0) AS t_reasoning, arraySum(mapValues(other_tokens)) AS t_other,
        cost_usd AS cost, price_source AS source, ifNull(input_cost_usd, 0) AS c_input, ifNull(cache_read_cost_usd, 0) AS c_cache_read,
        ifNull(cache_write_cost_usd, 0) AS c_cache_write, ifNull(output_cost_usd, 0) AS c_output,
        ifNull(other_cost_usd, 0) AS c_other, ifNull(client_cost_usd, 0) AS c_client,
        duration_ns AS duration, ttft_ns AS ttft
    FROM spans
    WHERE project_id = {project:String} AND is_billable
      AND start_time >= {first:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
      AND toStartOfHour(start_time) IN {hours:Array(DateTime('UTC'))}
    UNION ALL
    SELECT
        project_id, hour, customer, feature, team, provider, model,
        prompt_name, prompt_version, environment, release,
        false, false, false, 0, 0, 0, 0, 0, 0, NULL, '', 0, 0, 0, 0, 0, 0, NULL, NULL
    FROM ledger
    WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
)
GROUP BY
    project_id, hour, customer, feature, team, provider, model, prompt_name, prompt_version, environment, release
