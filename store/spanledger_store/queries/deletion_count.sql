-- Rows of one table that a deletion is about, versions counted one by one.
SELECT count() FROM ${table} WHERE (${matched}
) OR (${named}
)
