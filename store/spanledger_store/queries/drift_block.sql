-- A fragment: whom a call depends on others with. The session; without one, its user's day; without either, the trace.
cityHash64(multiIf(session != '', session, user != '', concat(user, ' ', toString(toDate(start_time, 'UTC'))), trace_id))
