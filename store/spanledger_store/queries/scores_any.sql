-- Whether anything was ever said of a project's calls in numbers.
SELECT 1 FROM score_rows WHERE project_id = {project:String} AND isNotNull(value) LIMIT 1
