-- Vectors of a model in a stretch that a codebook has not assigned yet.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, probability,
    CAST(vector AS Array(Float32)) AS vector
FROM embeddings
WHERE project_id = {project:String} AND model = {model:String}
  AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
  AND length(vector) = {dimensions:UInt32}
  AND (toUnixTimestamp64Nano(start_time), trace_id, span_id) > ({start:Int64}, {trace:String}, {span:String})
  AND (start_time, trace_id, span_id) NOT IN (
      SELECT start_time, trace_id, span_id
      FROM assignment_rows
      WHERE project_id = {project:String} AND codebook = {codebook:String}
        AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
  )
ORDER BY start, trace_id, span_id
LIMIT {limit:UInt32}
