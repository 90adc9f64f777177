-- How the table of spans was made: over a cluster, or on one server.
SELECT engine_full FROM system.tables WHERE database = {database:String} AND name = 'span_rows'
