-- A fragment: billable calls of models and agents in a stretch, of the sessions that are chosen. A session is chosen
-- where the hash of its name, as a share of all hashes, is below the probability: whoever is chosen by a small one is
-- by a larger one.
SELECT start_time, trace_id, span_id
FROM spans
WHERE project_id = {project:String}
  AND start_time >= {first:DateTime('UTC')} AND start_time < {end:DateTime('UTC')}
  AND is_billable AND kind IN ('llm', 'agent')
  AND sipHash64(project_id, if(session = '', trace_id, session)) / 18446744073709551616. < {probability:Float64}
