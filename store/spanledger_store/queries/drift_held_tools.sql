-- When which tools ran in which traces. A trace may outlast the stretch that its calls begin in.
SELECT trace_id, toString(name) AS tool, toUnixTimestamp64Nano(start_time) AS at
FROM spans
WHERE project_id = {project:String} AND kind = 'tool'
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')} + INTERVAL 1 DAY
