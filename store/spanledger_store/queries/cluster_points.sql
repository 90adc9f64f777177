-- Calls that are on the map, the newest codebook's only; of too many, a sample by the hash of their traces.
SELECT
    c.trace_id AS trace_id, c.span_id AS span_id, toUnixTimestamp64Nano(c.start_time) AS start, c.cluster AS cluster,
    c.x AS x, c.y AS y, c.distance AS distance, c.weight AS weight, c.customer AS customer, c.feature AS feature,
    c.model AS model, c.status AS status, c.duration_ns AS duration_ns, c.cost_usd AS cost_usd
FROM (${calls}) AS c
WHERE c.codebook = {codebook:String} AND isFinite(c.x) AND isFinite(c.y)
ORDER BY cityHash64(c.trace_id, c.span_id)
LIMIT {limit:UInt32}
