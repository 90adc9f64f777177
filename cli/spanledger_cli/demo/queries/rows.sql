-- How many rows of the demo have arrived, counted cheaply: a span sent twice counts twice until it is merged.
SELECT count() FROM span_rows
WHERE project_id = {project:String} AND service = {service:String}
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
