-- Tables that hold data, by name; on a cluster those in front of its shards.
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND endsWith(engine, {kind:String}) AND endsWith(name, '_rows')
ORDER BY name
