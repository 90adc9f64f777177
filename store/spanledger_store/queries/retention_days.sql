-- Days of expired spans, one step of freezing each.
SELECT DISTINCT toDateTime(toStartOfDay(start_time, 'UTC'), 'UTC') AS day
FROM span_rows
WHERE toYYYYMM(start_time) <= toYYYYMM({latest:DateTime('UTC')}) AND ${expired}
ORDER BY day
