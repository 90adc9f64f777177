-- Spans that stay although others of their trace go.
SELECT count()
FROM spans
WHERE project_id = {project:String}
  AND trace_id IN (SELECT trace_id FROM deletion_rows WHERE run = {run:String} AND whole)
  AND (start_time, trace_id, span_id) NOT IN (
      SELECT start_time, trace_id, span_id FROM deletion_rows WHERE run = {run:String} AND whole
  )
