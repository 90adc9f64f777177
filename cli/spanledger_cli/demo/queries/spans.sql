-- The demo as stored, each span once.
SELECT count(), uniqExact(trace_id), uniqExactIf(session, session != '')
FROM spans
WHERE project_id = {project:String} AND service = {service:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
