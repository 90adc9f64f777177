-- Sums per bucket of time; buckets without calls are absent.
SELECT
    ${bucket} AS bucket,
    ${sums}
FROM (${source}) AS c
WHERE ${where}
GROUP BY bucket
ORDER BY bucket
