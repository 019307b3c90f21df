"""What a call cannot do."""


class CallError(Exception):
    """Something cannot be done with a call; the text says why and what to do."""
