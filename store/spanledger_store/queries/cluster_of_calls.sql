-- Which clusters these calls are in.
SELECT
    trace_id, span_id, transform(cluster, {merged:Array(UInt32)}, {into:Array(UInt32)}, cluster) AS cluster
FROM assignments
WHERE project_id = {project:String} AND start_time >= {start:DateTime64(9, 'UTC')}
  AND start_time < {end:DateTime64(9, 'UTC')}
  AND trace_id IN {traces:Array(String)} AND span_id IN {spans:Array(String)}
