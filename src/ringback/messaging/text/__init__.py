"""Texts as short messages carry them: alphabets, segments, and segments put together again. Pure."""
