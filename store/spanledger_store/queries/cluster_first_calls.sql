-- When each cluster was asked for first, of all calls that are assigned.
SELECT
    transform(cluster, {merged:Array(UInt32)}, {into:Array(UInt32)}, cluster) AS cluster,
    min(toUnixTimestamp64Nano(start_time)) AS first_call
FROM assignments
WHERE project_id = {project:String}
GROUP BY cluster
ORDER BY cluster
