-- Expired rows by project, versions counted one by one.
SELECT toString(project_id) AS project, count() AS n
FROM ${table}
WHERE toYYYYMM(${time}) <= toYYYYMM({latest:DateTime('UTC')}) AND ${expired}
GROUP BY project
