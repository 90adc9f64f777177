-- Notes every stored row that names the subject. `whole`: the span names it now, so that all its versions go; an
-- older version alone goes alone. A session is noted only where nothing of it remains.
INSERT INTO deletion_rows (run, project_id, start_time, trace_id, span_id, session, ingested_at, whole)
SELECT
    {run:String}, project_id, start_time, trace_id, span_id,
    if(session IN (
        SELECT session FROM spans
        WHERE project_id = {project:String} AND session != ''
        GROUP BY session HAVING countIf(${column} != {value:String}) = 0
    ), session, ''),
    ingested_at,
    (start_time, trace_id, span_id) IN (
        SELECT start_time, trace_id, span_id FROM spans
        WHERE project_id = {project:String} AND ${column} = {value:String}
    )
FROM span_rows
WHERE project_id = {project:String} AND ${column} = {value:String}
