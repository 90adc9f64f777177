-- Notes the months of which a customer's revenue is known, with the name where a session's stands elsewhere.
INSERT INTO deletion_rows (run, project_id, start_time, trace_id, span_id, session, ingested_at, whole)
SELECT DISTINCT {run:String}, project_id, month, 'revenue', '', customer, toDateTime64(0, 9, 'UTC'), false
FROM revenue_rows
WHERE project_id = {project:String} AND customer = {value:String}
