"""The asyncio shells around the SIP core: UDP and TCP."""
