-- Billable calls by what became of them, each in one class: the first that fits, in the order of the multiIf.
SELECT
    ${columns}
    class,
    sum(c.calls) AS calls,
    sumIf(c.calls, isNull(c.span_cost)) AS unknown_calls,
    sum(ifNull(c.span_cost, 0)) AS cost_usd
FROM
(
    SELECT
        ${inner} call_count AS calls, cost_usd AS span_cost,
        multiIf(
            status = 'error' AND (start_time, trace_id, span_id) IN (${retried}), 'retried',
            status = 'error', 'failed',
            lower(finish_reason) IN {filtered:Array(String)} OR (start_time, trace_id, span_id) IN (${blocked}),
                'blocked',
            mapContains(attributes, {interrupted:String}), 'abandoned',
            lower(finish_reason) IN {truncated:Array(String)}, 'truncated',
            'useful'
        ) AS class
    FROM span_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
    WHERE is_billable AND ${where}
) AS c
GROUP BY ${groups}
ORDER BY ${groups}
