-- Projects that have calls, and the last hour of each.
SELECT project_id AS project, max(hour) AS latest
FROM ledger_rows
GROUP BY project
ORDER BY project
LIMIT 1000
