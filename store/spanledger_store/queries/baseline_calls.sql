-- Whether a baseline has a single call: 1, or no row.
SELECT 1 AS found
FROM span_rows FINAL
PREWHERE project_id = {project:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
WHERE is_billable AND ${where}
LIMIT 1
