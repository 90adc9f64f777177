-- Sums over a scope, as one row.
SELECT
    ${sums}
FROM (${source}) AS c
WHERE ${where}
