-- Writes spans once more with previews from log records where they had none or these had given them, one nanosecond
-- later than the row they were made from.
INSERT INTO span_rows
SELECT s.* REPLACE (
    if(${from_input}, t.told_input_preview, s.input_preview) AS input_preview,
    if(${from_output}, t.told_output_preview, s.output_preview) AS output_preview,
    addNanoseconds(s.ingested_at, 1) AS ingested_at
)
${matched}
