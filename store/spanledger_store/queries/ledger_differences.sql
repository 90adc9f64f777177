-- Hours whose ledger is not the sum of their billable spans and of what is frozen of them, with what the ledger lacks
-- (negative: has too much).
SELECT
    project_id, toDateTime(hour, 'UTC') AS hour,
    sum(side * toInt64(p.calls)) AS calls, sum(side * toInt64(p.errors)) AS errors,
    sum(side * toInt64(p.unpriced_calls)) AS unpriced_calls,
    sum(side * toInt64(p.input_tokens)) AS input_tokens, sum(side * toInt64(p.cache_read_tokens)) AS cache_read_tokens,
    sum(side * toInt64(p.cache_write_tokens)) AS cache_write_tokens,
    sum(side * toInt64(p.output_tokens)) AS output_tokens, sum(side * toInt64(p.reasoning_tokens)) AS reasoning_tokens,
    sum(side * toInt64(p.other_tokens)) AS other_tokens,
    sumIf(p.cost_usd, side = 1) - sumIf(p.cost_usd, side = -1) AS cost_usd,
    sumIf(p.client_cost_usd, side = 1) - sumIf(p.client_cost_usd, side = -1) AS client_cost_usd
FROM
(
    SELECT 1 AS side, * EXCEPT (duration_digest, ttft_digest, identities) FROM (${of_spans})
    UNION ALL
    SELECT 1, * EXCEPT (id, duration_digest, ttft_digest, identities) FROM frozen
    UNION ALL
    SELECT -1, * FROM ledger
) AS p
GROUP BY project_id, p.hour
HAVING calls != 0 OR errors != 0 OR unpriced_calls != 0 OR input_tokens != 0 OR cache_read_tokens != 0
    OR cache_write_tokens != 0 OR output_tokens != 0 OR reasoning_tokens != 0 OR other_tokens != 0
    OR cost_usd != 0 OR client_cost_usd != 0
ORDER BY project_id, hour
