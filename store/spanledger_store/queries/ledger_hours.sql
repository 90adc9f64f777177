-- A fragment: spans of given hours of one project.
project_id = {project:String}
    AND start_time >= {first:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
    AND toStartOfHour(start_time) IN {hours:Array(DateTime('UTC'))}
