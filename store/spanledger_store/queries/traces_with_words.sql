-- A fragment: ids of traces with every word in one message side of one span, through the text indexes.
SELECT trace_id
FROM span_content_rows
WHERE project_id = {project:String}
  AND start_time >= {reach_from:DateTime64(9, 'UTC')} AND start_time < {reach_to:DateTime64(9, 'UTC')}
  AND (hasAllTokens(lower(input), {words:Array(String)}) OR hasAllTokens(lower(output), {words:Array(String)}))
