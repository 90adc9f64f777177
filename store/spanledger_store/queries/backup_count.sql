-- Rows of one table, each in its newest version only.
SELECT count() FROM ${table} FINAL
