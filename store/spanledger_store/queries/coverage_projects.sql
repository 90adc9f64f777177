-- Projects whose clients have sent metrics of their calls since a moment.
SELECT DISTINCT project_id
FROM metric_rows
WHERE name IN {names:Array(String)} AND time > {start:DateTime64(9, 'UTC')}
ORDER BY project_id
