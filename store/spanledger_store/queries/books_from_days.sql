-- A fragment: whole UTC days of the books, but those named. The week is asked for beside the day: it is in the key.
SELECT toDateTime(day, 'UTC') AS at, ${columns}
FROM ledger_day_rows FINAL
WHERE project_id = {project:String} AND calls > 0
  AND week >= toMonday({first_day:Date}) AND week <= toMonday({last_day:Date})
  AND day >= {first_day:Date} AND day <= {last_day:Date} AND day NOT IN {cut_days:Array(Date)}
  AND ${where}
