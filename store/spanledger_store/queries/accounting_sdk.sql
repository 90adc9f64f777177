-- What SDKs say became of their spans, by the key their reports came with and the hour in which an interval ends.
SELECT
    toString(ingest_key) AS ingest_key,
    toUInt32(intDiv(toUnixTimestamp64Nano(time - toIntervalNanosecond(1)), 3600000000000)) AS hour,
    toUInt64(round(ifNull(sumIf(step_sum, name = 'otel.sdk.exporter.span.exported' AND error_type = ''), 0))) AS exported,
    toUInt64(round(ifNull(sumIf(step_sum, error_type != ''), 0))) AS dropped
FROM (${steps})
WHERE isNotNull(step_sum)
GROUP BY ingest_key, hour
HAVING exported > 0 OR dropped > 0
