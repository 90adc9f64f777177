-- A fragment: rows of expired spans that owe the books nothing. A billable span that arrived after its month was frozen
-- stays, in every version, until a later run has frozen it.
${spans} AND (project_id, start_time, trace_id, span_id) NOT IN (
    SELECT project_id, start_time, trace_id, span_id FROM span_rows
    WHERE is_billable AND ${spans} AND (project_id, ${identity}) NOT IN (${frozen})
)
