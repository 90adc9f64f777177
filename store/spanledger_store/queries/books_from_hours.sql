-- A fragment: whole UTC hours of the books; where days are named, only those of theirs.
SELECT toDateTime(hour, 'UTC') AS at, ${columns}
FROM ledger_rows FINAL
WHERE project_id = {project:String} AND calls > 0
  AND hour >= {start:DateTime('UTC')} AND hour < {end:DateTime('UTC')}
  AND (empty({cut_days:Array(Date)}) OR toDate(hour) IN {cut_days:Array(Date)})
  AND ${where}
