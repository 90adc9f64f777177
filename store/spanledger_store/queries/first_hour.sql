-- When the project's books begin; no row where it has none.
SELECT hour
FROM ledger
WHERE project_id = {project:String}
ORDER BY hour
LIMIT 1
