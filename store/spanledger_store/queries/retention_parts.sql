-- Parts of months that may hold expired rows, in the order they were written.
SELECT partition_id AS month, name AS part
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active
  AND toUInt32OrZero(partition_id) <= toYYYYMM({latest:DateTime('UTC')})
ORDER BY month, min_block_number
