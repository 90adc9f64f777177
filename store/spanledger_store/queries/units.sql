-- What a session, a user and a token cost: counted from the billable spans themselves, exactly.
SELECT
    ${columns}
    sum(c.calls) AS calls,
    sum(c.unpriced_calls) AS unpriced_calls,
    sum(c.cost_usd) AS cost_usd,
    uniqExactIf(c.session, c.session != '') AS sessions,
    uniqExactIf(c.session, c.session != '' AND c.unpriced_calls = 0) AS priced_sessions,
    sumIf(c.cost_usd, c.session != '') AS session_cost_usd,
    uniqExactIf(c.user, c.user != '') AS users,
    uniqExactIf(c.user, c.user != '' AND c.unpriced_calls = 0) AS priced_users,
    sumIf(c.cost_usd, c.user != '') AS user_cost_usd,
    sumIf(c.tokens, c.unpriced_calls = 0) AS priced_tokens
FROM
(
    SELECT
        ${inner} session, user, call_count AS calls,
        if(isNull(span_cost) AND price_source = '', call_count, 0) AS unpriced_calls,
        ifNull(span_cost, toDecimal128(0, 12)) AS cost_usd,
        ifNull(input_tokens, 0) + ifNull(cache_read_tokens, 0) + ifNull(cache_write_tokens, 0)
            + ifNull(output_tokens, 0) + ifNull(reasoning_tokens, 0) AS tokens
    FROM
    (
        SELECT * EXCEPT (cost_usd), cost_usd AS span_cost
        FROM span_rows FINAL
        PREWHERE project_id = {project:String}
          AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
        WHERE is_billable AND ${where}
    )
) AS c
GROUP BY ${groups}
ORDER BY cost_usd DESC, calls DESC, ${groups}
