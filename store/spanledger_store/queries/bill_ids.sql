-- What the store has of bills in some days, to be compared with an export.
SELECT source, provider, account, day, id, amount, currency
FROM bills
WHERE project_id = {project:String} AND day >= {first:DateTime('UTC')} AND day <= {last:DateTime('UTC')}
