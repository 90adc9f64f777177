-- A fragment: scores of the spans that a deletion has noted, of their traces, and of sessions that vanish with them.
project_id = {project:String} AND (
    (trace_id, span_id) IN (SELECT trace_id, span_id FROM deletion_rows WHERE run = {run:String} AND whole)
    OR (span_id = '' AND trace_id IN (SELECT trace_id FROM deletion_rows WHERE run = {run:String} AND whole))
    OR (trace_id = '' AND session IN (
        SELECT session FROM deletion_rows WHERE run = {run:String} AND whole AND session != ''
    ))
)
