-- Attributes and metadata of one span that the slim row keeps.
SELECT attributes, metadata, other_tokens
FROM spans
WHERE project_id = {project:String} AND trace_id = {trace:String} AND span_id = {span:String}
LIMIT 1
