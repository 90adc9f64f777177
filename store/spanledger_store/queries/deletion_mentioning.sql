-- A fragment: versions of findings that still name deleted traces.
project_id = {project:String} AND id IN {ids:Array(String)}
AND hasAny(extractAll(evidence, '[0-9a-f]{32}'), {gone:Array(String)})
