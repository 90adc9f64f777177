-- A fragment: findings about a customer, and those whose evidence names it.
project_id = {project:String}
AND (slice['customer'] = {value:String} OR position(evidence, {named:String}) > 0)
