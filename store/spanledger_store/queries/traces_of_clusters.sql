-- A fragment: ids of traces with a call in one of these clusters.
SELECT trace_id
FROM assignments
WHERE project_id = {project:String}
  AND start_time >= {reach_from:DateTime64(9, 'UTC')} AND start_time < {reach_to:DateTime64(9, 'UTC')}
  AND cluster IN {clusters:Array(UInt32)}
