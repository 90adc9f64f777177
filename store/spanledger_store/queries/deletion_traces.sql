-- Traces of which a deletion takes spans.
SELECT DISTINCT trace_id FROM deletion_rows WHERE run = {run:String} AND length(trace_id) = 32
