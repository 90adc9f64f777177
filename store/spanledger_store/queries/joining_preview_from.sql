-- A fragment: true where a span's preview of one part is to come from log records.
(t.told_${part}_preview != '' AND (s.${part}_preview = '' OR (s.start_time, s.trace_id, s.span_id) IN (
    SELECT start_time, trace_id, span_id FROM span_content
    WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}
      AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
      AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
      AND has(splitByChar(',', attributes['spanledger.content.from_logs']), '${part}')
)))
