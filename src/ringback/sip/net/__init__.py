"""The asyncio shells around the SIP core: UDP, TCP, TLS and WebSockets, and names looked up."""
