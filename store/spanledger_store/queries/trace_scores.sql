-- What was said of one trace and its spans, newest first.
SELECT span_id, name, time, value, label, explanation, source
FROM scores
WHERE project_id = {project:String} AND trace_id = {trace:String}
ORDER BY time DESC, name
LIMIT {limit:UInt32}
