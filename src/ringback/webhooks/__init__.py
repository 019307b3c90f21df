"""Requests to applications: parameters, signature, cookies, limits, fallback."""
