-- Tokens that went through providers' caches and what they cost, beside uncached input of the same price: one row per
-- slice, price, half hour (prices may change with the clock) and size of the call in thousands of tokens (prices may
-- change with it).
SELECT
    ${columns}
    toString(provider) AS provider_name, toString(model) AS model_name, toString(price_source) AS source,
    toUnixTimestamp(toStartOfInterval(start_time, INTERVAL 30 MINUTE)) AS slot,
    intDiv(greatest(intDiv(t_input + t_read + t_write + t_other + call_count - 1, call_count), 1) - 1, 1000) AS size,
    sum(call_count) AS calls,
    sum(t_input) AS input_tokens, sum(t_read) AS cache_read_tokens, sum(t_write) AS cache_write_tokens,
    sum(ifNull(c_input, 0)) AS input_cost_usd, sum(ifNull(c_read, 0)) AS cache_read_cost_usd,
    sum(ifNull(c_write, 0)) AS cache_write_cost_usd
FROM
(
    SELECT
        *, ifNull(input_tokens, 0) AS t_input, ifNull(cache_read_tokens, 0) AS t_read,
        ifNull(cache_write_tokens, 0) AS t_write,
        arraySum((unit, n) -> if(startsWith(unit, 'input_') OR startsWith(unit, 'cache_'), n, 0),
            mapKeys(other_tokens), mapValues(other_tokens)) AS t_other,
        input_cost_usd AS c_input, cache_read_cost_usd AS c_read,
        cache_write_cost_usd AS c_write
    FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
    WHERE is_billable AND isNotNull(cost_usd) AND NOT ifNull(cache_hit, false) AND ${where}
)
GROUP BY ${groups} provider_name, model_name, source, slot, size
HAVING cache_read_tokens > 0 OR cache_write_tokens > 0
ORDER BY ${groups} provider_name, model_name, source, slot, size
