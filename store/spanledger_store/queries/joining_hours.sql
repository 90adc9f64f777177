-- The hours of spans whose previews are about to change.
SELECT DISTINCT toDateTime(toStartOfHour(s.start_time), 'UTC')
${matched}
