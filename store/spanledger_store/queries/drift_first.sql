-- When the first call of a project that has a vector of a model was made, from a moment on.
SELECT min(start_time) AS first, count() AS calls
FROM embeddings
WHERE project_id = {project:String} AND model = {model:String} AND start_time >= {since:DateTime64(9, 'UTC')}
