-- Notes what was forecast of a customer, with the name where a session's stands elsewhere.
INSERT INTO deletion_rows (run, project_id, start_time, trace_id, span_id, session, ingested_at, whole)
SELECT DISTINCT {run:String}, project_id, begins, 'forecast', grain, value, toDateTime64(0, 9, 'UTC'), false
FROM forecast_rows
WHERE project_id = {project:String} AND dimension = 'customer' AND value = {value:String}
