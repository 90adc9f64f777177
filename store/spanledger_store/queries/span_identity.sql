-- A fragment: what a call is recognised by once its span has expired.
sipHash64(trace_id, span_id, toUnixTimestamp64Nano(start_time))
