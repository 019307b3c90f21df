"""SIP (RFC 3261) as a pure core: bytes and the time come in; bytes, events and the next deadline come out."""
