-- When the project's newest span began; no row where it has none.
SELECT start_time AS latest
FROM span_rows
WHERE project_id = {project:String}
ORDER BY start_time DESC
LIMIT 1
