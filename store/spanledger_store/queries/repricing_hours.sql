-- Hours of new prices that no finished run has cleared away.
SELECT DISTINCT project_id, toDateTime(toStartOfHour(start_time), 'UTC') AS hour
FROM repricing_rows
