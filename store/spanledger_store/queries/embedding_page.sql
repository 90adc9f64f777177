-- What chosen calls of a stretch were asked, of those that have no vector: neither of this model, nor sent by anybody.
SELECT toUnixTimestamp64Nano(start_time) AS start, trace_id, span_id, input, toUnixTimestamp64Nano(ingested_at) AS ingested
FROM span_content
WHERE project_id = {project:String}
  AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
  AND input != ''
  AND (toUnixTimestamp64Nano(start_time), trace_id, span_id) > ({start:Int64}, {trace:String}, {span:String})
  AND (start_time, trace_id, span_id) IN (${chosen})
  AND (start_time, trace_id, span_id) NOT IN (
      SELECT start_time, trace_id, span_id
      FROM embedding_rows
      WHERE project_id = {project:String}
        AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
        AND (model = {model:String} OR model NOT IN {own:Array(String)})
  )
ORDER BY start, trace_id, span_id
LIMIT {limit:UInt32}
