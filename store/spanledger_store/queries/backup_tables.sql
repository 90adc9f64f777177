-- Tables that hold data, by name.
SELECT name
FROM system.tables
WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') AND name != 'schema_migrations'
ORDER BY name
