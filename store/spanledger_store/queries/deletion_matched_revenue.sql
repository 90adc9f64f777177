-- A fragment: revenue that a deletion has noted.
project_id = {project:String} AND (month, customer) IN (
    SELECT toDateTime64(start_time, 0, 'UTC'), session FROM deletion_rows
    WHERE run = {run:String} AND trace_id = 'revenue'
)
