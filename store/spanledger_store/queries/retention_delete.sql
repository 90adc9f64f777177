-- Hides expired rows of one month at the cost of a mask beside each part; merges drop them, and the part goes as a
-- whole once its month has expired.
DELETE FROM ${table} IN PARTITION ID '${month}' WHERE ${expired}
