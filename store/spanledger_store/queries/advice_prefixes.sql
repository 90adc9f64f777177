-- Tokens at the beginning of prompts that had been sent a moment before, and were not read from the provider's cache.
-- A conversation goes on: the text of the session's last prompt is the beginning of this one, and its tokens are known.
-- Else the same instructions and tools as in another call of the model: their share of the prompt's text, rounded down.
-- Providers cache no prefix below so many tokens, by model (guides on prompt caching of OpenAI, of Anthropic, and of
-- Gemini's implicit cache, as of November 2026); of others the most that any of these asks for is taken.
-- `missed` could have been read; `unwritten` are tokens that would have had to be written for it.
SELECT
    feature, provider_name, model_name, day, size, sum(calls_here) AS calls, sum(told) AS told_calls,
    countIf(missed > 0) AS missed_calls, sum(missed) AS missed_tokens,
    sumIf(missed, goes_on) AS exact_tokens, sum(unwritten) AS unwritten_tokens,
    sumIf(span_cost, missed > 0) AS cost_usd, argMax(trace_id, missed) AS example, max(missed) AS most
FROM
(
    SELECT
        *,
        if(told AND prefix >= least_cached, greatest(toInt64(least(prefix, prompt)) - toInt64(t_read), 0), 0) AS missed,
        -- What a later call would read must have been written: by this one, as far as nobody had written it before.
        if(told AND (follows OR is_shared) AND prompt >= least_cached,
            greatest(toInt64(if(follows, prompt, head_tokens)) - toInt64(least(prefix, prompt)) - toInt64(t_write), 0), 0)
            AS unwritten
    FROM
    (
        SELECT
            *,
            multiIf(goes_on, before_prompt, is_warm, head_tokens, 0) AS prefix,
            leadInFrame(goes_on) OVER (PARTITION BY talk ORDER BY start_time, span_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS follows
        FROM
        (
            SELECT
                *,
                lagInFrame(prompt) OVER in_talk AS before_prompt,
                told AND lagInFrame(told) OVER in_talk AND head = lagInFrame(head) OVER in_talk
                    AND start_time <= lagInFrame(start_time) OVER in_talk + toIntervalSecond({lives:UInt32})
                    AND row_number() OVER in_talk > 1
                    AND lagInFrame(text_length) OVER in_talk > 2 AND text_length > lagInFrame(text_length) OVER in_talk
                    AND cityHash64(substring(text, 1, lagInFrame(text_length) OVER in_talk - 1))
                        = lagInFrame(text_hash) OVER in_talk AS goes_on,
                head != 0 AND row_number() OVER of_head > 1
                    AND start_time <= lagInFrame(start_time) OVER of_head + toIntervalSecond({lives:UInt32}) AS is_warm,
                head != 0 AND leadInFrame(start_time) OVER of_head > start_time
                    AND leadInFrame(start_time) OVER of_head <= start_time + toIntervalSecond({lives:UInt32}) AS is_shared
            FROM
            (
                SELECT
                    c.*, t.input AS text, length(t.input) AS text_length,
                    cityHash64(substring(t.input, 1, length(t.input) - 1)) AS text_hash,
                    t.input != '' AND lengthUTF8(t.input) >= t.input_length AND c.calls_here = 1 AS told,
                    length(t.system_instructions) + length(t.tool_definitions) AS head_length,
                    if(told AND head_length > 0, cityHash64(t.system_instructions, t.tool_definitions), 0) AS head,
                    if(told AND head_length > 0, intDiv(prompt * head_length, head_length + length(t.input)), 0)
                        AS head_tokens,
                    cityHash64(if(c.session = '', c.span_id, c.session), c.feature, c.provider_name, c.model_name) AS talk
                FROM
                (
                    SELECT
                        trace_id, span_id, start_time, session, call_count AS calls_here,
                        ifNull(cost_usd, 0) AS span_cost, toString(feature) AS feature,
                        toString(provider) AS provider_name, toString(model) AS model_name,
                        toUnixTimestamp(toStartOfDay(start_time)) AS day, ifNull(cache_read_tokens, 0) AS t_read,
                        ifNull(cache_write_tokens, 0) AS t_write,
                        ifNull(input_tokens, 0) + t_read + t_write AS prompt,
                        intDiv(greatest(prompt, 1) - 1, 1000) AS size,
                        multiIf(
                            provider = 'openai' OR match(toString(model), 'gemini.*flash'), 1024,
                            match(toString(model), 'sonnet-4[-.][6-9]|haiku-3|3([-.]5)?-haiku'), 2048,
                            match(toString(model), 'sonnet-[34]|3([-.][57])?-sonnet|opus-3|3-opus|opus-4([-.][01])?(-20|@|\\z)'),
                            1024, 4096) AS least_cached
                    FROM span_rows FINAL
                    PREWHERE project_id = {project:String}
                      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
                    WHERE is_billable AND operation != 'embeddings' AND status != 'error' AND isNotNull(cost_usd)
                      AND NOT ifNull(cache_hit, false) AND NOT startsWith(price_source, 'own ') AND ${where}
                ) AS c
                LEFT JOIN
                (
                    SELECT trace_id, span_id, input, input_length, system_instructions, tool_definitions
                    FROM span_content_rows FINAL
                    PREWHERE project_id = {project:String}
                      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
                ) AS t ON c.trace_id = t.trace_id AND c.span_id = t.span_id
            )
            WINDOW
                in_talk AS (PARTITION BY talk ORDER BY start_time, span_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
                of_head AS (PARTITION BY provider_name, model_name, head ORDER BY start_time, span_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        )
    )
)
GROUP BY feature, provider_name, model_name, day, size
ORDER BY feature, provider_name, model_name, day, size
