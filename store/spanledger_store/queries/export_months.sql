-- Months of one table that an export has, with their rows.
SELECT toYYYYMM(${time}) AS month, count() AS n
FROM ${view}
WHERE project_id = {project:String} AND ${time} >= toDateTime({start:Int64}, 'UTC') AND ${time} < toDateTime({end:Int64}, 'UTC')
  AND (${where})
GROUP BY month
ORDER BY month
