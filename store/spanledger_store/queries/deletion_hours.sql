-- The hours whose sums a deletion changes; those of one run, or those of all that are not cleared away.
SELECT DISTINCT project_id, toDateTime(toStartOfHour(start_time), 'UTC') AS hour
FROM deletion_rows
WHERE ({run:String} = '' OR run = {run:String}) AND trace_id != 'revenue'
