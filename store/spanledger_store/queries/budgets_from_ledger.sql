-- A fragment: the whole hours of a window from the books, but for those that wait to be recomputed.
SELECT customer, feature, team, provider, model, environment, calls, unpriced_calls, cost_usd
FROM ledger_rows FINAL
WHERE project_id = {project:String} AND calls > 0
  AND hour >= {whole_from:DateTime('UTC')} AND hour < {whole_to:DateTime('UTC')}
  AND hour NOT IN {hours:Array(DateTime('UTC'))}
