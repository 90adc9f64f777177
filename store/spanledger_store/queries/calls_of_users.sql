-- A fragment: keys of spans of which some version names a user, through the index on users. More than match, never
-- fewer; it stands in PREWHERE, where it is the same for every version of a span.
SELECT start_time, trace_id, span_id
FROM span_rows
WHERE project_id = {project:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND user IN {f_user:Array(String)}
