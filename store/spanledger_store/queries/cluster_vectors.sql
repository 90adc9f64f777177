-- Vectors of a model of calls that began at these moments, and with which chance each call got one.
SELECT
    toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, probability,
    CAST(vector AS Array(Float32)) AS vector
FROM embeddings
WHERE project_id = {project:String} AND model = {model:String} AND length(vector) = {dimensions:UInt32}
  AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
  AND start_time <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
  AND toUnixTimestamp64Nano(start_time) IN {starts:Array(Int64)}
