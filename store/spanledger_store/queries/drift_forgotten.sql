-- A fragment: looks of a project against a pinned baseline that were made before it was pinned, when another had its name.
project_id = {project:String}
AND endsWith(quantity, concat('@', {baseline:String}))
AND made_at < {before:DateTime64(9, 'UTC')}
