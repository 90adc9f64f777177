-- Calls and cost of hours, as the ledger says and as the spans say.
SELECT
    (SELECT sum(calls) FROM ledger
     WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}) AS ledger_calls,
    (SELECT sum(cost_usd) FROM ledger
     WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}) AS ledger_cost,
    count() AS span_calls,
    sum(ifNull(cost_usd, 0)) AS span_cost
FROM spans
WHERE project_id = {project:String} AND is_billable
  AND start_time >= {first:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
  AND toStartOfHour(start_time) IN {hours:Array(DateTime('UTC'))}
