-- The vectors of those calls by one model.
SELECT
    toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, CAST(vector AS Array(Float32)) AS vector
FROM embeddings
WHERE project_id = {project:String} AND model = {model:String} AND length(vector) = {dimensions:UInt32}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND (start_time, trace_id, span_id) IN (SELECT start_time, trace_id, span_id FROM spans WHERE ${chosen})
ORDER BY start, trace_id, span_id
