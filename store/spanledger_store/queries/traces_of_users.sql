-- A fragment: ids of traces in which a user occurs in some version of some span, through the index on users. More than
-- match, never fewer.
SELECT trace_id
FROM span_rows
WHERE project_id = {project:String}
  AND start_time >= {reach_from:DateTime64(9, 'UTC')} AND start_time < {reach_to:DateTime64(9, 'UTC')}
  AND user IN {f_user:Array(String)}
