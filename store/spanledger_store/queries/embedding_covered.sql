-- Calls of a project since a moment that may have a vector, and how many have one of any model.
SELECT count() AS calls, countIf((start_time, trace_id, span_id) IN (
    SELECT start_time, trace_id, span_id FROM embedding_rows
    WHERE project_id = {project:String} AND start_time >= {first:DateTime('UTC')}
)) AS embedded
FROM spans
WHERE project_id = {project:String} AND start_time >= {first:DateTime('UTC')}
  AND is_billable AND kind IN ('llm', 'agent')
