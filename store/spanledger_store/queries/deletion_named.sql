-- A fragment: rows that name the subject, whether a deletion has noted them or not.
project_id = {project:String} AND ${column} = {value:String}
