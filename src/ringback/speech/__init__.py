"""Text to speech: the contract, the providers and the cache."""
