-- What those calls answered, as it was captured.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, output
FROM span_content
WHERE project_id = {project:String} AND output != ''
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND (start_time, trace_id, span_id) IN (SELECT start_time, trace_id, span_id FROM spans WHERE ${chosen})
