-- Values of the ledger's dimensions that contain a text, the dearest first.
SELECT dimension, label, sum(cost) AS cost
FROM
(
    SELECT
        cost_usd AS cost,
        arrayJoin([('customer', toString(customer)), ('feature', toString(feature)), ('model', toString(model))]) AS pair,
        pair.1 AS dimension,
        pair.2 AS label
    FROM ledger
    WHERE project_id = {project:String}
)
WHERE label != '' AND positionCaseInsensitiveUTF8(label, {text:String}) > 0
GROUP BY dimension, label
ORDER BY cost DESC, label
LIMIT {limit:UInt32}
