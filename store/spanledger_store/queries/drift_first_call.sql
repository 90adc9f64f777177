-- When the first call of a project was made, from a moment on.
SELECT min(start_time) AS first, count() AS calls
FROM spans
WHERE project_id = {project:String} AND is_billable AND start_time >= {since:DateTime64(9, 'UTC')}
