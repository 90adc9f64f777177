-- Calls that SDKs refused in a window, by budget and value; NULL where nothing is known of what they would have cost.
-- Few of many spans are: which ones is read from two narrow columns, their newest versions for those only.
SELECT attributes['spanledger.budget.id'] AS budget, attributes['spanledger.budget.value'] AS value, count() AS blocked,
    countIf(isNull(dollars)) AS unknown, if(blocked = unknown, NULL, sum(ifNull(dollars, 0))) AS saved
FROM
(
    SELECT attributes, toDecimal128OrNull(attributes['spanledger.budget.saved_usd'], 12) AS dollars
    FROM spans
    WHERE project_id = {project:String} AND kind = 'guardrail' AND error_type = 'budget_exceeded'
      AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
      AND (start_time, trace_id, span_id) IN (
          SELECT start_time, trace_id, span_id FROM span_rows
          WHERE project_id = {project:String} AND kind = 'guardrail' AND error_type = 'budget_exceeded'
            AND start_time >= {start:DateTime64(9, 'UTC')} AND start_time < {end:DateTime64(9, 'UTC')}
      )
)
GROUP BY budget, value
