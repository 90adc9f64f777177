-- Rewrites the parts of a month that hold masked rows, without those; a part that keeps none is gone.
ALTER TABLE ${table} APPLY DELETED MASK IN PARTITION ID '${month}'
