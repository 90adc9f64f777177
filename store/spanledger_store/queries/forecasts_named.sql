-- Forecasts of one customer, versions counted one by one.
SELECT count() FROM forecast_rows
WHERE project_id = {project:String} AND dimension = 'customer' AND value = {value:String}
