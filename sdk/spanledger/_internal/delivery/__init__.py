"""From a span that has ended to the collector's acknowledgement: queue, buffer, wire, and the account of all."""
