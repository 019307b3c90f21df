"""`ringback bench rest`: how many requests the REST API answers, and how fast."""
