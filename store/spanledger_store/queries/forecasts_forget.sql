-- Forecasts that a deletion has noted, in every version: a name that stood here would stay in the mutation's text.
ALTER TABLE forecast_rows DELETE
WHERE project_id = {project:String} AND dimension = 'customer' AND value IN (
    SELECT session FROM deletion_rows WHERE run = {run:String} AND trace_id = 'forecast'
)
