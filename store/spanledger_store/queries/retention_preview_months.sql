-- Months and projects with previews of expired contents.
SELECT _partition_id AS month, toString(project_id) AS project, count() AS n
FROM span_rows
WHERE toYYYYMM(start_time) <= toYYYYMM({latest:DateTime('UTC')}) AND (input_preview != '' OR output_preview != '')
  AND ${expired}
GROUP BY month, project
ORDER BY month
