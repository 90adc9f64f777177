-- A fragment: (project, identity) of every frozen call in hours that still hold, or hold again, rows of spans.
SELECT project_id, arrayJoin(identities)
FROM frozen_rows
WHERE (project_id, hour) IN (
    SELECT DISTINCT project_id, toDateTime64(toStartOfHour(start_time), 0, 'UTC') FROM span_rows WHERE ${spans}
)
