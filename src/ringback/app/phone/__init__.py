"""A telephone in software, made of the same SIP and RTP cores as the server: for trying, for measuring, for tests."""
