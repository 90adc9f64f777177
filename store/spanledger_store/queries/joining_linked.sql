-- Writes records that named only a response once more, with the ids of its span.
INSERT INTO log_rows
SELECT l.* REPLACE (
    {traces:Array(String)}[indexOf({responses:Array(String)}, l.response_id)] AS trace_id,
    {spans:Array(String)}[indexOf({responses:Array(String)}, l.response_id)] AS span_id,
    addNanoseconds(l.ingested_at, 1) AS ingested_at
)
FROM (
    SELECT * FROM log_rows FINAL
    WHERE project_id = {project:String} AND response_id IN {responses:Array(String)}
      AND time >= fromUnixTimestamp64Nano({told_first:Int64}, 'UTC')
      AND time < fromUnixTimestamp64Nano({told_end:Int64}, 'UTC')
) AS l
WHERE l.trace_id = ''
