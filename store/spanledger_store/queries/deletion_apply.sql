-- Rewrites the parts that hold noted rows, without those rows. Not a lightweight delete, which only hides them.
ALTER TABLE ${table} DELETE WHERE ${matched}
