-- Hours whose ledger is not the sum of their billable spans, with what the ledger lacks (negative: has too much).
SELECT
    project_id, at AS hour,
    sum(n_calls) AS calls, sum(n_errors) AS errors, sum(n_unpriced) AS unpriced_calls,
    sum(n_input) AS input_tokens, sum(n_cache_read) AS cache_read_tokens, sum(n_cache_write) AS cache_write_tokens,
    sum(n_output) AS output_tokens, sum(n_reasoning) AS reasoning_tokens, sum(n_other) AS other_tokens,
    sum(money) AS cost_usd, sum(client_money) AS client_cost_usd
FROM
(
    SELECT
        project_id, toDateTime(toStartOfHour(start_time), 'UTC') AS at,
        toInt64(count()) AS n_calls, toInt64(countIf(status = 'error')) AS n_errors,
        toInt64(countIf(isNull(cost_usd) AND price_source = '')) AS n_unpriced,
        toInt64(sum(ifNull(input_tokens, 0))) AS n_input, toInt64(sum(ifNull(cache_read_tokens, 0))) AS n_cache_read,
        toInt64(sum(ifNull(cache_write_tokens, 0))) AS n_cache_write,
        toInt64(sum(ifNull(output_tokens, 0))) AS n_output,
        toInt64(sum(ifNull(reasoning_tokens, 0))) AS n_reasoning,
        toInt64(sum(arraySum(mapValues(other_tokens)))) AS n_other,
        sum(ifNull(cost_usd, 0)) AS money, sum(ifNull(client_cost_usd, 0)) AS client_money
    FROM spans
    WHERE is_billable
    GROUP BY project_id, at
    UNION ALL
    SELECT
        project_id, toDateTime(hour, 'UTC') AS at,
        -toInt64(sum(calls)), -toInt64(sum(errors)), -toInt64(sum(unpriced_calls)),
        -toInt64(sum(input_tokens)), -toInt64(sum(cache_read_tokens)), -toInt64(sum(cache_write_tokens)),
        -toInt64(sum(output_tokens)), -toInt64(sum(reasoning_tokens)), -toInt64(sum(other_tokens)),
        -sum(cost_usd), -sum(client_cost_usd)
    FROM ledger
    GROUP BY project_id, at
)
GROUP BY project_id, at
HAVING calls != 0 OR errors != 0 OR unpriced_calls != 0 OR input_tokens != 0 OR cache_read_tokens != 0
    OR cache_write_tokens != 0 OR output_tokens != 0 OR reasoning_tokens != 0 OR other_tokens != 0
    OR cost_usd != 0 OR client_cost_usd != 0
ORDER BY project_id, hour
