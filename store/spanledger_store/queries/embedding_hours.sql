-- The hours of a project since a moment, as they are now: rows, the newest arrival, and calls that might be embedded.
SELECT
    toDateTime(toStartOfHour(start_time), 'UTC') AS hour,
    count() AS rows,
    max(toUnixTimestamp64Nano(ingested_at)) AS newest,
    countIf(is_billable AND kind IN ('llm', 'agent')) AS calls
FROM span_rows
WHERE project_id = {project:String} AND start_time >= {since:DateTime('UTC')}
GROUP BY hour
HAVING calls > 0
ORDER BY hour
