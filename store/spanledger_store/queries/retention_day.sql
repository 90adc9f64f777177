-- A fragment: spans of one UTC day.
start_time >= {day:DateTime64(9, 'UTC')} AND start_time < {next:DateTime64(9, 'UTC')}
