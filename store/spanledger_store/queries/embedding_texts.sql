-- What a sample of a project's calls was asked, by the hash of their traces: the same sample for the same calls.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, input
FROM span_content
WHERE project_id = {project:String}
  AND start_time >= {first:DateTime('UTC')}
  AND input != '' AND cityHash64(trace_id) % {among:UInt64} = 0
  AND (toUnixTimestamp64Nano(start_time), trace_id, span_id) > ({start:Int64}, {trace:String}, {span:String})
  AND (start_time, trace_id, span_id) IN (
      SELECT start_time, trace_id, span_id FROM spans
      WHERE project_id = {project:String} AND start_time >= {first:DateTime('UTC')}
        AND is_billable AND kind IN ('llm', 'agent') AND cityHash64(trace_id) % {among:UInt64} = 0
  )
ORDER BY start, trace_id, span_id
LIMIT {limit:UInt32}
