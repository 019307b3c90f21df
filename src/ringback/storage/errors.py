"""The one error of the store."""


class StorageError(Exception):
    """The store could not do what it was asked; the text says why and what to do about it.

    `unavailable` is true when the store itself is at fault (a full disk, a lock held by someone else, a server that
    is down), so that the same request may work later; it is false when the request can never work.
    """

    def __init__(self, message: str, *, unavailable: bool = False) -> None:
        super().__init__(message)
        self.unavailable = unavailable
