-- Vectors of questions with nothing before them: the first call of each session, and calls without one. The newest.
SELECT
    toString(c.customer) AS customer, toString(c.feature) AS feature, toString(c.provider) AS provider_name,
    toString(c.model) AS model_name, toString(e.model) AS vector_model, c.start_time AS start_time,
    c.trace_id AS trace_id, c.span_cost AS cost_usd, CAST(e.vector, 'Array(Float32)') AS vector
FROM
(
    SELECT *
    FROM
    (
        SELECT
            trace_id, span_id, start_time, customer, feature, provider, model, cost_usd AS span_cost,
            session = '' OR row_number() OVER (PARTITION BY session, feature ORDER BY start_time, span_id) = 1 AS is_first
        FROM span_rows FINAL
        PREWHERE project_id = {project:String}
          AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
        WHERE is_billable AND operation != 'embeddings' AND status != 'error' AND NOT ifNull(cache_hit, false)
          AND call_count = 1 AND isNotNull(cost_usd) AND ${where}
    )
    WHERE is_first
) AS c
INNER JOIN
(
    SELECT trace_id, span_id, model, vector
    FROM embedding_rows FINAL
    PREWHERE project_id = {project:String}
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
) AS e ON c.trace_id = e.trace_id AND c.span_id = e.span_id
WHERE notEmpty(e.vector)
ORDER BY c.start_time DESC, c.trace_id
LIMIT {most:UInt32}
