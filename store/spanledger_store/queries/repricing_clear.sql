-- Forgets the new prices of a finished run.
ALTER TABLE repricing_rows DELETE WHERE startsWith(run, {run:String})
