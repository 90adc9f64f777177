-- Calls of a cluster: those that stand for it first, then those nearest to its middle, or the newest.
SELECT
    c.trace_id AS trace_id, c.span_id AS span_id, toUnixTimestamp64Nano(c.start_time) AS start, c.distance AS distance,
    c.exemplar AS exemplar, c.customer AS customer, c.user AS user, c.session AS session, c.feature AS feature,
    c.model AS model, c.status AS status, c.duration_ns AS duration_ns, c.cost_usd AS cost_usd,
    c.input_preview AS text
FROM (${calls}) AS c
WHERE c.cluster = {cluster:UInt32}
ORDER BY ${order}
LIMIT {limit:UInt32}
