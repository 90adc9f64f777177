-- A fragment, about spans: billable calls of a stretch that have a vector of a model.
project_id = {project:String} AND is_billable
  AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
  AND (start_time, trace_id, span_id) IN (
      SELECT start_time, trace_id, span_id FROM embedding_rows
      WHERE project_id = {project:String} AND model = {model:String} AND length(vector) = {dimensions:UInt32}
        AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
  )
