-- What calls that began at these moments were asked, where that is still kept.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, input
FROM span_content
WHERE project_id = {project:String}
  AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
  AND start_time <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
  AND toUnixTimestamp64Nano(start_time) IN {starts:Array(Int64)}
  AND input != ''
