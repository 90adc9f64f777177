-- Writes contents once more, filled from log records where their spans carried none, one nanosecond later than the row
-- they were made from: an arrival since wins over it. What came from records is named in an attribute, so that it
-- follows when more of them come. Only spans that are stored count, and rows that would not change are not written.
INSERT INTO span_content_rows
WITH
    splitByChar(',', c.attributes['spanledger.content.from_logs']) AS parts,
    t.told_input != '' AND (c.input = '' OR has(parts, 'input')) AS from_input,
    t.told_output != '' AND (c.output = '' OR has(parts, 'output')) AS from_output,
    t.told_system != '' AND (c.system_instructions = '' OR has(parts, 'system_instructions')) AS from_system,
    t.told_tools != '' AND (c.tool_definitions = '' OR has(parts, 'tool_definitions')) AS from_tools
SELECT c.* REPLACE (
    if(from_input, told_input, c.input) AS input,
    if(from_output, told_output, c.output) AS output,
    if(from_system, told_system, c.system_instructions) AS system_instructions,
    if(from_tools, told_tools, c.tool_definitions) AS tool_definitions,
    if(from_input, told_input_length, c.input_length) AS input_length,
    if(from_output, told_output_length, c.output_length) AS output_length,
    mapUpdate(c.attributes, map('spanledger.content.from_logs', arrayStringConcat(arrayFilter(
        part -> part != '',
        [if(from_input, 'input', ''), if(from_output, 'output', ''), if(from_system, 'system_instructions', ''),
         if(from_tools, 'tool_definitions', '')]
    ), ','))) AS attributes,
    addNanoseconds(c.ingested_at, 1) AS ingested_at
)
FROM
(
    SELECT * FROM span_content_rows FINAL
    WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}
      AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
      AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
) AS c
INNER JOIN
(
    SELECT trace_id, span_id, told_input, told_output, told_system, told_tools, told_input_length, told_output_length
    FROM (${told})
) AS t ON c.trace_id = t.trace_id AND c.span_id = t.span_id
WHERE (c.start_time, c.trace_id, c.span_id) IN (
        SELECT start_time, trace_id, span_id FROM span_rows
        WHERE project_id = {project:String} AND trace_id IN {traces:Array(String)}
          AND start_time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
          AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
    )
  AND (
    (from_input AND (c.input != told_input OR c.input_length != told_input_length))
    OR (from_output AND (c.output != told_output OR c.output_length != told_output_length))
    OR (from_system AND c.system_instructions != told_system)
    OR (from_tools AND c.tool_definitions != told_tools)
  )
