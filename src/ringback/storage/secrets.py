"""Secrets that must be read again, and not only compared: encrypted at rest, with a key in a file beside the database.

What only has to be compared is kept as a hash (`ringback.sip.auth.ha1`). The key protects copies of the database and
dumps of it; who can read the whole directory has both.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from ringback.storage.errors import StorageError

KEY_FILE: Final = "secret.key"


class SecretBox:
    """Encrypts and decrypts texts with the key of a storage directory, which is made on first use."""

    def __init__(self, directory: Path) -> None:
        """`directory` need not exist yet; nothing is read or written before the first secret."""
        self._file = directory / KEY_FILE
        self._fernet: Fernet | None = None

    def encrypt(self, text: str) -> str:
        """Return the text as printable ASCII that only this key opens. Raises StorageError."""
        return self._opened().encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def decrypt(self, token: str) -> str:
        """Return the text again. Raises StorageError when it was encrypted with another key, or was changed."""
        try:
            return self._opened().decrypt(token.encode()).decode("utf-8", "surrogatepass")
        except (InvalidToken, ValueError) as error:
            raise StorageError(
                f"a secret in the database cannot be read with the key in {self._file}: put the key back that was there"
                " when it was written, or set that secret again"
            ) from error

    def _opened(self) -> Fernet:
        if self._fernet is None:
            try:
                self._fernet = Fernet(self._key())
            except ValueError as error:
                raise StorageError(f"{self._file} holds no key: put the one back that was there") from error
        return self._fernet

    def _key(self) -> bytes:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make()
            return self._file.read_bytes().strip()
        except OSError as error:
            raise StorageError(f"the key {self._file} cannot be read or made: {error}") from error

    def _make(self) -> None:
        """Make the key unless there is one. It appears whole or not at all, however many processes do it at once."""
        if self._file.exists():
            return
        unfinished = self._file.with_name(f"{KEY_FILE}.{os.getpid()}")
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(Fernet.generate_key() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):  # another process was first: its key is the one
                os.link(unfinished, self._file)
        finally:
            unfinished.unlink(missing_ok=True)
