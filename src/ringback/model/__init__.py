"""Values that every layer shares: sids, numbers, statuses, error codes, records. No I/O, no clocks, no randomness."""
