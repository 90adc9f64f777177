-- A fragment: whole UTC days of the books without customers, but those days that are named.
SELECT toDateTime(day, 'UTC') AS at, ${columns}
FROM ledger_total_rows FINAL
WHERE project_id = {project:String} AND calls > 0
  AND day >= {first_day:Date} AND day <= {last_day:Date} AND day NOT IN {cut_days:Array(Date)}
  AND ${where}
