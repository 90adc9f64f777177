-- Slices that a forecast had when it was made before, and has no more once it is made anew.
ALTER TABLE forecast_rows DELETE
WHERE project_id = {project:String} AND grain = {grain:String} AND begins = {begins:DateTime64(0, 'UTC')}
  AND made_at < {made_at:DateTime64(3, 'UTC')}
