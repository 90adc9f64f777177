-- The span that made each of some responses; of several that tell of one, the billable one, else the first.
SELECT response_id, argMin((trace_id, span_id), (NOT is_billable, start_time, span_id)) AS span
FROM spans
WHERE project_id = {project:String} AND response_id IN {responses:Array(String)}
  AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
  AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
GROUP BY response_id
