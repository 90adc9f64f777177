-- Calls that asked what the same customer had asked the same model of the same feature before: the same text, with all
-- that was sent along, within so many seconds. What they cost is what an answer kept from before would have saved.
SELECT
    feature, provider_name, model_name,
    sum(call_count) AS calls, sumIf(call_count, told) AS told_calls, sum(ifNull(span_cost, 0)) AS cost_usd,
    sumIf(call_count, again AND isNotNull(span_cost)) AS repeats,
    sumIf(ifNull(span_cost, 0), again) AS saved_usd,
    sumIf(call_count, again AND isNotNull(span_cost) AND answer = before_answer) AS same_answers,
    uniqExactIf(asked, again) AS questions,
    arraySlice(arrayMap(x -> x.2, arrayReverseSort(groupArrayIf(100)((ifNull(span_cost, 0), trace_id), again))), 1, 3)
        AS examples
FROM
(
    SELECT
        *,
        lagInFrame(start_time) OVER asked_before AS before, lagInFrame(answer) OVER asked_before AS before_answer,
        told AND row_number() OVER asked_before > 1
            AND start_time <= before + toIntervalSecond({within:UInt32}) AS again
    FROM
    (
        SELECT
            c.feature AS feature, c.provider_name AS provider_name, c.model_name AS model_name, c.trace_id AS trace_id,
            c.start_time AS start_time, c.call_count AS call_count, c.span_cost AS span_cost,
            t.input != '' AND lengthUTF8(t.input) >= t.input_length AS told,
            cityHash64(t.output) AS answer,
            if(told,
                sipHash128(c.customer, c.feature, c.provider_name, c.model_name, t.system_instructions,
                    t.tool_definitions, t.input),
                sipHash128(c.trace_id, c.span_id)) AS asked
        FROM
        (
            SELECT
                trace_id, span_id, start_time, call_count, cost_usd AS span_cost, toString(customer) AS customer,
                toString(feature) AS feature, toString(provider) AS provider_name, toString(model) AS model_name
            FROM span_rows FINAL
            PREWHERE project_id = {project:String}
              AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
            WHERE is_billable AND status != 'error' AND NOT ifNull(cache_hit, false) AND ${where}
        ) AS c
        LEFT JOIN
        (
            SELECT trace_id, span_id, input, input_length, output, system_instructions, tool_definitions
            FROM span_content_rows FINAL
            PREWHERE project_id = {project:String}
              AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
        ) AS t ON c.trace_id = t.trace_id AND c.span_id = t.span_id
    )
    WINDOW asked_before AS (PARTITION BY asked ORDER BY start_time, trace_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
GROUP BY feature, provider_name, model_name
ORDER BY feature, provider_name, model_name
