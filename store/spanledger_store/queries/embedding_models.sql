-- The models of a project's vectors since a moment: calls that have one, and what they stand for where some were chosen.
SELECT model, count() AS calls, sum(1 / probability) AS weight, min(length(vector)) AS dimensions,
    max(length(vector)) AS most_dimensions, max(start_time) AS newest
FROM embeddings
WHERE project_id = {project:String} AND start_time >= {first:DateTime('UTC')}
GROUP BY model
ORDER BY calls DESC, model
