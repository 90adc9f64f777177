-- Forgets which spans a finished deletion removed.
ALTER TABLE deletion_rows DELETE WHERE run = {run:String}
