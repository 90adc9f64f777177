-- A fragment: rows older than their project keeps them.
${time} < arrayElement({ends:Array(DateTime('UTC'))}, indexOf({projects:Array(String)}, project_id))
