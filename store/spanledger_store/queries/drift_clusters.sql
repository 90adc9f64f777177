-- Which clusters those calls belong to by one codebook.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, cluster
FROM assignments
WHERE project_id = {project:String} AND codebook = {codebook:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND (start_time, trace_id, span_id) IN (SELECT start_time, trace_id, span_id FROM spans WHERE ${chosen})
