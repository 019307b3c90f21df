"""RTP packets and telephone events as bytes and arrays (RFC 3550, RFC 4733). Pure: no sockets, no clocks."""
