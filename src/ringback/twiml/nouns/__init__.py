"""One file a noun: what may stand inside Dial."""
