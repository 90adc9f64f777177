-- A fragment, about spans: calls of a scope that asked something, of a sample of blocks; another salt, another sample.
project_id = {project:String} AND is_billable AND kind != 'embedding'
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND cityHash64(${block}, {salt:String}) % {among:UInt64} = 0 AND ${where}
