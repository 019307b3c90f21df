"""Ringback: a self-hosted Twilio. Calls arrive, an application answers with TwiML, Ringback renders it."""
