-- One page of a month, in the order of the table's key, behind the last row of the page before.
SELECT ${columns}
FROM
(
    SELECT * FROM ${view}
    WHERE project_id = {project:String} AND toYYYYMM(${time}) = {month:UInt32} AND ${behind} AND (${where})
      AND ${time} >= toDateTime({start:Int64}, 'UTC') AND ${time} < toDateTime({end:Int64}, 'UTC')
    ORDER BY ${key}
    LIMIT {limit:UInt32}
)
ORDER BY ${key}
