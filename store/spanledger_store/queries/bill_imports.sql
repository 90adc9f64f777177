-- Which bills have been imported.
SELECT
    provider, source, account, currency, count() AS lines,
    formatDateTime(min(day), '%Y-%m-%d') AS first, formatDateTime(max(day), '%Y-%m-%d') AS last,
    sum(amount) AS total, formatDateTime(max(imported_at), '%Y-%m-%dT%H:%i:%SZ') AS at
FROM bills
WHERE project_id = {project:String}
GROUP BY provider, source, account, currency
ORDER BY provider, source, account, currency
