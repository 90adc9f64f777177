-- Months that hold expired rows, and how many of their rows are kept.
SELECT toString(toYYYYMM(${time})) AS month, countIf(NOT (${expired})) AS kept
FROM ${table}
WHERE toYYYYMM(${time}) <= toYYYYMM({latest:DateTime('UTC')})
GROUP BY month
HAVING count() > kept
ORDER BY month
