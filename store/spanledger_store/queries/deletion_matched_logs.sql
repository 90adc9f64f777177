-- A fragment: log records of the spans that a deletion has noted, of their traces, and those that named a response of
-- theirs before its span was known.
project_id = {project:String} AND (
    (trace_id, span_id) IN (SELECT trace_id, span_id FROM deletion_rows WHERE run = {run:String} AND whole)
    OR (span_id = '' AND trace_id IN (SELECT trace_id FROM deletion_rows WHERE run = {run:String} AND whole))
    OR (trace_id = '' AND response_id IN (
        SELECT response_id FROM span_rows
        WHERE project_id = {project:String} AND response_id != '' AND (start_time, trace_id, span_id) IN (
            SELECT start_time, trace_id, span_id FROM deletion_rows WHERE run = {run:String} AND whole
        )
    ))
)
