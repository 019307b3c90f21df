"""Sockets that are connected to each other."""

import socket


class Pairs:
    """Sockets that are connected to each other: `ours[i]` to `theirs[i]`."""

    def __init__(self, count: int) -> None:
        self.ours = [self._one() for _ in range(count)]
        self.theirs = [self._one() for _ in range(count)]
        for a, b in zip(self.ours, self.theirs, strict=True):
            a.connect(b.getsockname())
            b.connect(a.getsockname())

    @staticmethod
    def _one() -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        return one

    @property
    def fds(self) -> list[int]:
        return [one.fileno() for one in self.ours]

    def close(self) -> None:
        for one in self.ours + self.theirs:
            one.close()
