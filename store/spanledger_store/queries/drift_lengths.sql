-- How long what those calls were asked and answered is, in characters; NULL where it was not captured.
SELECT
    toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id,
    nullIf(input_length, 0) AS input_length, nullIf(output_length, 0) AS output_length
FROM span_content
WHERE project_id = {project:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND (start_time, trace_id, span_id) IN (SELECT start_time, trace_id, span_id FROM spans WHERE ${chosen})
