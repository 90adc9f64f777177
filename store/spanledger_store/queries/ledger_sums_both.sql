-- A fragment: what a finer table of the books and a coarser one say of the same days, line by line.
SELECT true AS is_finer, project_id, ${finer_day} AS day, ${keys}, ${sums}
FROM ${finer}
WHERE ${finer_where}
UNION ALL
SELECT false, project_id, day, ${keys}, ${sums}
FROM ${coarser}
WHERE ${coarser_where}
