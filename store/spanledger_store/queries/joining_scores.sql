-- Writes the scores of evaluations that named only a response, now that its span is known.
INSERT INTO score_rows
    (project_id, trace_id, span_id, session, name, time, value, label, explanation, source, ingested_at)
SELECT
    project_id,
    {traces:Array(String)}[indexOf({responses:Array(String)}, response_id)],
    {spans:Array(String)}[indexOf({responses:Array(String)}, response_id)],
    '', attributes['gen_ai.evaluation.name'], time, toFloat64OrNull(attributes['gen_ai.evaluation.score.value']),
    attributes['gen_ai.evaluation.score.label'], attributes['gen_ai.evaluation.explanation'],
    if(attributes['spanledger.evaluation.source'] != '', attributes['spanledger.evaluation.source'], scope_name), ingested_at
FROM logs
WHERE project_id = {project:String} AND trace_id = '' AND response_id IN {responses:Array(String)}
  AND event_name = 'gen_ai.evaluation.result'
  AND time >= fromUnixTimestamp64Nano({told_first:Int64}, 'UTC')
  AND time < fromUnixTimestamp64Nano({told_end:Int64}, 'UTC')
