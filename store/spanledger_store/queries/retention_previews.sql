-- Empties what spans repeat of expired contents; rewrites these two columns only.
ALTER TABLE span_rows UPDATE input_preview = '', output_preview = ''
IN PARTITION ID '${month}' WHERE (input_preview != '' OR output_preview != '') AND ${expired}
