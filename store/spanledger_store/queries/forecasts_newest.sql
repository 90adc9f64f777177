-- The beginning of the project's newest forecasts of a grain, and when they were made; no row where there are none.
SELECT begins, max(made_at)
FROM forecast_rows
WHERE project_id = {project:String} AND grain = {grain:String} AND begins <= {until:DateTime64(0, 'UTC')}
GROUP BY begins
ORDER BY begins DESC
LIMIT 1
