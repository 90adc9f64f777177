-- Spans of some hours that lack what log records tell about them: they came after it, or came once more without it.
WITH told AS (
    SELECT trace_id, span_id,
        max(input != '') AS has_input, max(output != '') AS has_output, max(system_instructions != '') AS has_system,
        max(tool_definitions != '') AS has_tools,
        max(input_preview != '') AS has_input_preview, max(output_preview != '') AS has_output_preview
    FROM log_rows
    WHERE project_id = {project:String} AND span_id != ''
      AND time >= fromUnixTimestamp64Nano({told_first:Int64}, 'UTC')
      AND time < fromUnixTimestamp64Nano({told_end:Int64}, 'UTC')
      AND (input != '' OR output != '' OR system_instructions != '' OR tool_definitions != '')
    GROUP BY trace_id, span_id
),
evaluated AS (
    SELECT response_id FROM logs
    WHERE project_id = {project:String} AND trace_id = '' AND response_id != ''
      AND time >= fromUnixTimestamp64Nano({told_first:Int64}, 'UTC')
      AND time < fromUnixTimestamp64Nano({told_end:Int64}, 'UTC')
)
SELECT DISTINCT intDiv(toUnixTimestamp64Nano(c.start_time), 3600000000000) AS hour, 'trace' AS kind, c.trace_id AS subject
FROM
(
    SELECT start_time, trace_id, span_id, input_length, output_length, system_instructions, tool_definitions
    FROM span_content
    WHERE project_id = {project:String}
      AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
      AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
      AND intDiv(toUnixTimestamp64Nano(start_time), 3600000000000) IN {hours:Array(Int64)}
      AND (trace_id, span_id) IN (SELECT trace_id, span_id FROM told)
) AS c
INNER JOIN told AS t ON c.trace_id = t.trace_id AND c.span_id = t.span_id
WHERE (c.input_length = 0 AND t.has_input) OR (c.output_length = 0 AND t.has_output)
   OR (c.system_instructions = '' AND t.has_system) OR (c.tool_definitions = '' AND t.has_tools)
UNION DISTINCT
SELECT DISTINCT intDiv(toUnixTimestamp64Nano(s.start_time), 3600000000000), 'trace', s.trace_id
FROM
(
    SELECT start_time, trace_id, span_id, input_preview, output_preview
    FROM spans
    WHERE project_id = {project:String}
      AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
      AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
      AND intDiv(toUnixTimestamp64Nano(start_time), 3600000000000) IN {hours:Array(Int64)}
      AND (trace_id, span_id) IN (SELECT trace_id, span_id FROM told)
) AS s
INNER JOIN told AS t ON s.trace_id = t.trace_id AND s.span_id = t.span_id
WHERE (s.input_preview = '' AND t.has_input_preview) OR (s.output_preview = '' AND t.has_output_preview)
UNION DISTINCT
SELECT DISTINCT intDiv(toUnixTimestamp64Nano(start_time), 3600000000000), 'response', response_id
FROM spans
WHERE project_id = {project:String}
  AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
  AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
  AND intDiv(toUnixTimestamp64Nano(start_time), 3600000000000) IN {hours:Array(Int64)}
  AND response_id != '' AND response_id IN (SELECT response_id FROM evaluated)
