-- A fragment: spans with what log records tell of them, where that changes a preview. A span whose price is being
-- changed is left alone, so that neither change undoes the other: its hour is looked at again when that is done.
FROM
(
    SELECT * FROM span_rows FINAL
    WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}
      AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
      AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
) AS s
INNER JOIN (SELECT trace_id, span_id, told_input_preview, told_output_preview FROM (${told})) AS t
    ON s.trace_id = t.trace_id AND s.span_id = t.span_id
WHERE ((${from_input} AND s.input_preview != t.told_input_preview)
    OR (${from_output} AND s.output_preview != t.told_output_preview))
  AND (s.start_time, s.trace_id, s.span_id) NOT IN (
      SELECT start_time, trace_id, span_id FROM repricing_rows WHERE project_id = {project:String}
  )
