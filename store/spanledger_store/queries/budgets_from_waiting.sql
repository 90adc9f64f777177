-- A fragment: whole hours that the books have yet to catch up with, from their spans and what is frozen of them.
SELECT customer, feature, team, provider, model, environment, calls, unpriced_calls, cost_usd
FROM (${of_spans})
UNION ALL
SELECT customer, feature, team, provider, model, environment, calls, unpriced_calls, cost_usd
FROM frozen
WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
