-- Notes what a customer has in the books of expired hours: each hour, with the name where a session's stands elsewhere,
-- and spans that have come again since, which the frozen rows alone keep from counting.
INSERT INTO deletion_rows (run, project_id, start_time, trace_id, span_id, session, ingested_at, whole)
SELECT {run:String}, project_id, hour, '', '', customer, toDateTime64(0, 9, 'UTC'), false
FROM frozen
WHERE project_id = {project:String} AND customer = {value:String}
UNION ALL
SELECT {run:String}, project_id, start_time, trace_id, span_id, '', ingested_at, true
FROM span_rows
WHERE project_id = {project:String} AND ${identity} IN (
    SELECT arrayJoin(identities) FROM frozen_rows
    WHERE project_id = {project:String} AND customer = {value:String} AND hour IN (
        SELECT DISTINCT toDateTime64(toStartOfHour(start_time), 0, 'UTC') FROM span_rows
        WHERE project_id = {project:String}
    )
)
