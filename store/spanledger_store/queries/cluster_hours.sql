-- The hours in which a project has vectors of a model since a moment, as they are now.
SELECT
    toDateTime(toStartOfHour(start_time), 'UTC') AS hour,
    count() AS rows,
    max(toUnixTimestamp64Nano(ingested_at)) AS newest,
    count() AS calls
FROM embedding_rows
WHERE project_id = {project:String} AND model = {model:String} AND start_time >= {since:DateTime('UTC')}
GROUP BY hour
ORDER BY hour
