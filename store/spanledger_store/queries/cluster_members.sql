-- Calls of a cluster: those that stand for it first, then those nearest to its middle, or the newest. A text is only of
-- those that stand for it by the codebook in use: where too few people are behind a cluster, none does. Nor is said whose
-- a call was.
SELECT
    c.trace_id AS trace_id, c.span_id AS span_id, toUnixTimestamp64Nano(c.start_time) AS start, c.distance AS distance,
    if(c.codebook = {codebook:String}, c.exemplar, 0) AS exemplar, c.feature AS feature, c.model AS model,
    c.status AS status, c.duration_ns AS duration_ns, c.cost_usd AS cost_usd,
    if(exemplar > 0, nullIf(c.input_preview, ''), NULL) AS text
FROM (${calls}) AS c
WHERE c.cluster = {cluster:UInt32}
ORDER BY ${order}
LIMIT {limit:UInt32}
