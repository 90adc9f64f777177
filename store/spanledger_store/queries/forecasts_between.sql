-- The forecasts of everything that began in a stretch of time, in order.
SELECT begins, value, made_at, method, origins, mean, [s05, s10, s25, s50, s75, s90, s95] AS sums
FROM forecast_rows FINAL
WHERE project_id = {project:String} AND grain = 'day' AND dimension = ''
  AND begins >= {start:DateTime64(0, 'UTC')} AND begins < {end:DateTime64(0, 'UTC')}
ORDER BY begins, value
