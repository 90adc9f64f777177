-- A fragment: what log records tell of each span of some traces, put together in order of time. Whole messages are
-- kept up to the limit; the lengths are of everything that was told.
SELECT
    trace_id, span_id,
    arraySort(groupArray((time, position, digest, input, output))) AS found,
    arrayFilter(m -> m != '', arrayMap(e -> e.4, found)) AS asked,
    arrayFilter(m -> m != '', arrayMap(e -> e.5, found)) AS answered,
    arrayFilter((m, until, n) -> until <= {limit:UInt64} OR n = 1, asked, arrayCumSum(m -> length(m), asked), arrayEnumerate(asked)) AS kept_asked,
    arrayFilter((m, until, n) -> until <= {limit:UInt64} OR n = 1, answered, arrayCumSum(m -> length(m), answered), arrayEnumerate(answered)) AS kept_answered,
    if(empty(asked), '', '[' || arrayStringConcat(arrayMap(m -> substring(m, 2, length(m) - 2), kept_asked), ',') || ']') AS told_input,
    if(empty(answered), '', '[' || arrayStringConcat(arrayMap(m -> substring(m, 2, length(m) - 2), kept_answered), ',') || ']') AS told_output,
    argMaxIf(system_instructions, (time, position, digest), system_instructions != '') AS told_system,
    argMaxIf(tool_definitions, (time, position, digest), tool_definitions != '') AS told_tools,
    sum(input_length) AS told_input_length,
    sum(output_length) AS told_output_length,
    argMaxIf(input_preview, (role IN ('', 'user'), time, position, digest), input_preview != '') AS told_input_preview,
    argMaxIf(output_preview, (time, position, digest), output_preview != '') AS told_output_preview
FROM logs
WHERE project_id = {project:String} AND span_id != '' AND trace_id IN {traces:Array(String)}
  AND time >= fromUnixTimestamp64Nano({told_first:Int64}, 'UTC')
  AND time < fromUnixTimestamp64Nano({told_end:Int64}, 'UTC')
  AND (input != '' OR output != '' OR system_instructions != '' OR tool_definitions != '')
GROUP BY trace_id, span_id
