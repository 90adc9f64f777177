-- Which tools ran in the traces of those calls. A trace may outlast the stretch that its calls begin in.
SELECT trace_id, arrayStringConcat(arraySort(groupUniqArray(toString(name))), ', ') AS tools
FROM spans
WHERE project_id = {project:String} AND kind = 'tool'
  AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')} + INTERVAL 1 DAY
  AND trace_id IN (SELECT trace_id FROM spans WHERE ${chosen})
GROUP BY trace_id
