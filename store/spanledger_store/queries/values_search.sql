-- Values of the ledger's dimensions that contain a text, the dearest first. Summed by combination before the
-- combinations are taken apart: there are far fewer of them than rows.
SELECT pair.1 AS dimension, pair.2 AS label, sum(summed) AS cost
FROM
(
    SELECT
        arrayJoin([('customer', toString(customer)), ('feature', toString(feature)), ('model', toString(model))]) AS pair,
        summed
    FROM
    (
        SELECT customer, feature, model, sum(cost_usd) AS summed
        FROM ledger
        WHERE project_id = {project:String}
        GROUP BY customer, feature, model
    )
)
WHERE label != '' AND positionCaseInsensitiveUTF8(label, {text:String}) > 0
GROUP BY dimension, label
ORDER BY cost DESC, label
LIMIT {limit:UInt32}
