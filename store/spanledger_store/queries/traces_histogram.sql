-- Matching traces per bucket of the time they began in.
SELECT
    ${bucket} AS bucket,
    count() AS traces,
    countIf(failed) AS failed_traces
FROM (SELECT toDateTime(started, 'UTC') AS at, error_count > 0 AS failed FROM (${matched}))
GROUP BY bucket
ORDER BY bucket
