-- Calls and cost of hours, as the ledger says and as the spans, those frozen included, say.
SELECT
    sumIf(p.calls, in_books), sumIf(p.cost_usd, in_books),
    sumIf(p.calls, NOT in_books), sumIf(p.cost_usd, NOT in_books)
FROM
(
    SELECT true AS in_books, calls, cost_usd FROM ledger
    WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
    UNION ALL
    SELECT false, calls, cost_usd FROM frozen
    WHERE project_id = {project:String} AND hour IN {hours:Array(DateTime('UTC'))}
    UNION ALL
    SELECT false, calls, cost_usd FROM (${of_spans})
) AS p
