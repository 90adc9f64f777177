-- Ids of a project's traces that begin with a text.
SELECT DISTINCT trace_id
FROM span_rows
WHERE project_id = {project:String} AND startsWith(trace_id, {prefix:String})
ORDER BY trace_id
LIMIT {limit:UInt32}
