"""Benchmarks: how fast Ringback does its work on the machine at hand. They print; nothing fails by being slow."""
