-- Makes the given days of one project, in a coarser table of the books, the sums of a finer one. Only lines that differ
-- are written: a line of zeros where a slice has vanished from a day. The revision counts up, so no clock decides which
-- row wins.
INSERT INTO ${table}
SELECT
    project_id, day, ${keys},
    ${sums},
    (
        SELECT max(revision) + 1 FROM ${table}
        WHERE project_id = {project:String} AND day IN {days:Array(Date)}
    )
FROM (${both}) AS p
GROUP BY project_id, day, ${keys}
HAVING ${differ}
