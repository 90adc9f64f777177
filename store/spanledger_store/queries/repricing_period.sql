-- A fragment: spans of one project that began in a period.
project_id = {project:String}
    AND start_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
    AND start_time < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
