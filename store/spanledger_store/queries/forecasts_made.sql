-- The forecasts that begin at one moment, of one dimension ('' for everything), the dearest first.
SELECT
    value, made_at, method, origins, mean,
    [q05, q10, q25, q50, q75, q90, q95] AS steps, [s05, s10, s25, s50, s75, s90, s95] AS sums
FROM forecast_rows FINAL
WHERE project_id = {project:String} AND grain = {grain:String} AND begins = {begins:DateTime64(0, 'UTC')}
  AND dimension = {dimension:String} AND (empty({values:Array(String)}) OR value IN {values:Array(String)})
ORDER BY arraySum(mean) DESC, value
