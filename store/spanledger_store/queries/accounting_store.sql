-- Spans in the store by the key that sent them and the hour they were received in; each once, whatever repeated it.
-- PREWHERE: only what was received in time is merged by FINAL.
SELECT
    project_id, toString(ingest_key) AS ingest_key, toUInt32(intDiv(toUnixTimestamp(ingested_at), 3600)) AS hour,
    count() AS spans,
    countIf(is_billable AND isNull(cost_usd) AND price_source = '') AS unpriced,
    countIf(has(warnings, 'content truncated')) AS truncated
FROM span_rows FINAL
PREWHERE ingested_at >= {start:DateTime64(9, 'UTC')} AND ingested_at < {end:DateTime64(9, 'UTC')}
WHERE {project:String} = '' OR project_id = {project:String}
GROUP BY project_id, ingest_key, hour
