"""The keys that a caller has pressed and nobody has taken yet."""

import asyncio
from collections import deque

MOST_KEYS = 256
"""Keys kept; what comes on top of them is dropped (nobody types ahead that far)."""


class KeyBuffer:
    """Keys in the order they were pressed, for one reader at a time."""

    def __init__(self) -> None:
        self._keys: deque[str] = deque()
        self._pressed = asyncio.Event()

    def press(self, key: str) -> None:
        """The caller pressed a key."""
        if len(self._keys) < MOST_KEYS:
            self._keys.append(key)
            self._pressed.set()

    async def next(self, timeout: float | None) -> str | None:
        """Take the next key; None after `timeout` seconds without one."""
        try:
            async with asyncio.timeout(timeout):
                while not self._keys:
                    self._pressed.clear()
                    await self._pressed.wait()
        except TimeoutError:
            return None
        return self._keys.popleft()

    def clear(self) -> None:
        """Forget them."""
        self._keys.clear()
