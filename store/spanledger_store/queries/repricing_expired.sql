-- Calls whose spans have expired, in the hours that begin in a period: more than the hour is not known of them.
SELECT sum(calls)
FROM frozen
WHERE project_id = {project:String}
  AND hour >= fromUnixTimestamp64Nano({start:Int64}, 'UTC')
  AND hour < fromUnixTimestamp64Nano({end:Int64}, 'UTC')
  AND ({customer:String} = '' OR customer = {customer:String})
  AND ({model:String} = '' OR model = {model:String})
