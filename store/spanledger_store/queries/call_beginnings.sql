-- How the questions of some calls begin, where that is still kept.
SELECT trace_id, span_id, input_preview
FROM span_rows FINAL
PREWHERE project_id = {project:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND trace_id IN {traces:Array(String)}
WHERE input_preview != ''
