-- The books by any dimensions and stretch of time: every line there is, '' being what nobody is named for.
SELECT
    ${columns}
    ${sums}
FROM (${source}) AS c
GROUP BY ${groups}
ORDER BY ${groups}
