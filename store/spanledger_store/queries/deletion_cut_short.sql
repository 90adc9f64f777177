-- Deletions that began to remove rows and never came to their end.
SELECT DISTINCT run
FROM deletion_rows
WHERE run IN (SELECT run FROM audit WHERE action = 'delete' AND state = 'begun')
