-- Whether anything in a stretch of time can be joined to spans at all: most projects send no such records.
SELECT count() > 0
FROM (
    SELECT 1 FROM log_rows
    WHERE project_id = {project:String}
      AND time >= fromUnixTimestamp64Nano({first:Int64}, 'UTC') AND time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
      AND (input != '' OR output != '' OR system_instructions != '' OR tool_definitions != '' OR response_id != '')
    LIMIT 1
)
