-- A fragment: rows of spans, contents and vectors that a deletion has noted.
project_id = {project:String} AND (
    (start_time, trace_id, span_id) IN (
        SELECT start_time, trace_id, span_id FROM deletion_rows WHERE run = {run:String} AND whole
    )
    OR (start_time, trace_id, span_id, ingested_at) IN (
        SELECT start_time, trace_id, span_id, ingested_at FROM deletion_rows WHERE run = {run:String}
    )
)
