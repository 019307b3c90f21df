"""Shipped fakes for tests of applications and of Ringback itself."""
