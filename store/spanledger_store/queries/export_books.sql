-- Calls and cost of hours, as the ledger says.
SELECT sum(calls), sum(cost_usd)
FROM ledger
WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
