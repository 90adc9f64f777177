-- What is expected of the first days after a moment, of the values of a dimension: as much as budgets ask of many.
SELECT value, arrayMap(each -> toFloat64(each), arraySlice(mean, 1, {days:UInt16}))
FROM forecast_rows FINAL
WHERE project_id = {project:String} AND grain = 'day' AND begins = {begins:DateTime64(0, 'UTC')}
  AND dimension = {dimension:String} AND (empty({values:Array(String)}) OR value IN {values:Array(String)})
ORDER BY value
