-- The books by any dimensions and stretch of time: every line there is, '' being what nobody is named for.
SELECT
    ${columns}
    ${sums}
FROM (${source}) AS c
WHERE ${where}
GROUP BY ${groups}
ORDER BY ${groups}
