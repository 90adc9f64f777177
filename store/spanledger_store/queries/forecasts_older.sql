-- How many forecasts that begin there were made before this time.
SELECT count()
FROM forecast_rows
WHERE project_id = {project:String} AND grain = {grain:String} AND begins = {begins:DateTime64(0, 'UTC')}
  AND made_at < {made_at:DateTime64(3, 'UTC')}
