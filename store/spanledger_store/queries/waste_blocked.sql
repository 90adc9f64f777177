-- A fragment: calls whose answer a guardrail blocked: of those under the guardrail's own parent the last that had ended
-- when the check began, or the call that the check lies inside of. What a budget refused was never called.
SELECT tupleElement(found, 1), tupleElement(found, 2), tupleElement(found, 3)
FROM
(
    SELECT g.trace_id, g.span_id, argMax((s.start_time, s.trace_id, s.span_id), s.start_time) AS found
    FROM
    (
        SELECT trace_id, span_id, parent_span_id, start_time
        FROM span_rows FINAL
        PREWHERE project_id = {project:String}
          AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {later:DateTime64(9, 'UTC')}
        WHERE kind = 'guardrail' AND attributes[{action:String}] = 'blocked' AND error_type != 'budget_exceeded'
    ) AS g
    INNER JOIN
    (
        SELECT start_time, trace_id, span_id, parent_span_id, addNanoseconds(start_time, ifNull(duration_ns, 0)) AS ended
        FROM span_rows FINAL
        PREWHERE project_id = {project:String}
          AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
          AND trace_id IN (
              SELECT trace_id FROM span_rows
              PREWHERE project_id = {project:String}
                AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {later:DateTime64(9, 'UTC')}
              WHERE kind = 'guardrail' AND attributes[{action:String}] = 'blocked'
          )
        WHERE is_billable
    ) AS s ON s.trace_id = g.trace_id
    WHERE s.span_id = g.parent_span_id OR (s.parent_span_id = g.parent_span_id AND s.ended <= g.start_time)
    GROUP BY g.trace_id, g.span_id
)
