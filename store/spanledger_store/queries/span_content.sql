-- What the spans of one trace carried; all of them, or the one named.
SELECT
    span_id, input, output, system_instructions, tool_definitions, input_length, output_length,
    attributes, resource, scope_name, scope_version, events, links
FROM span_content
WHERE project_id = {project:String} AND trace_id = {trace:String}
  AND ({span:String} = '' OR span_id = {span:String})
ORDER BY start_time, span_id
LIMIT {limit:UInt32}
