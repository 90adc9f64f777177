-- What billable calls between two moments were asked, of a sample of sessions; where that is still kept.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, input
FROM span_content
WHERE project_id = {project:String}
  AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
  AND start_time <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
  AND input != ''
  AND (start_time, trace_id, span_id) IN (
      SELECT start_time, trace_id, span_id FROM spans
      WHERE project_id = {project:String} AND is_billable
        AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
        AND start_time <= fromUnixTimestamp64Nano({last:Int64}, 'UTC')
        AND cityHash64(if(session = '', trace_id, session)) % {among:UInt64} = 0
  )
