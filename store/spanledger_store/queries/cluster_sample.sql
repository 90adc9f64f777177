-- Vectors of a model in a stretch, of a sample of sessions (by the hash of their names), with whose they are.
SELECT
    toUnixTimestamp64Nano(e.start_time) AS start, e.trace_id AS trace_id, e.span_id AS span_id,
    e.probability AS probability, e.vector AS vector,
    s.session AS session, s.customer AS customer, s.user AS user
FROM
(
    SELECT start_time, trace_id, span_id, probability, CAST(vector AS Array(Float32)) AS vector
    FROM embeddings
    WHERE project_id = {project:String} AND model = {model:String}
      AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
      AND length(vector) = {dimensions:UInt32}
      AND (toUnixTimestamp64Nano(start_time), trace_id, span_id) > ({start:Int64}, {trace:String}, {span:String})
      AND (start_time, trace_id, span_id) IN (
          SELECT start_time, trace_id, span_id FROM spans
          WHERE project_id = {project:String} AND is_billable
            AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
            AND cityHash64(if(session = '', trace_id, session)) % {among:UInt64} = 0
      )
    ORDER BY start_time, trace_id, span_id
    LIMIT {limit:UInt32}
) AS e
INNER JOIN
(
    SELECT start_time, trace_id, span_id, if(session = '', trace_id, session) AS session, customer, user
    FROM spans
    WHERE project_id = {project:String} AND is_billable
      AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
) AS s ON e.start_time = s.start_time AND e.trace_id = s.trace_id AND e.span_id = s.span_id
ORDER BY start, trace_id, span_id
