"""Secrets that are kept encrypted."""

from pathlib import Path

import pytest

from ringback.storage.errors import StorageError
from ringback.storage.secrets import KEY_FILE, SecretBox


def test_a_secret_comes_back_and_its_text_is_not_to_be_seen(tmp_path: Path) -> None:
    token = SecretBox(tmp_path / "new").encrypt("pässword\udcff")
    assert "pässword" not in token
    assert token.isascii()
    assert token.isprintable()
    assert SecretBox(tmp_path / "new").decrypt(token) == "pässword\udcff"


def test_the_key_is_its_owners_alone_and_made_once(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    assert list(tmp_path.iterdir()) == []
    one = box.encrypt("a")
    key = tmp_path / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [key]
    before = key.read_bytes()
    assert SecretBox(tmp_path).decrypt(one) == "a"
    assert key.read_bytes() == before


def test_of_two_that_make_it_at_once_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SecretBox(tmp_path)
    token = first.encrypt("a")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert SecretBox(tmp_path).decrypt(token) == "a"
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]


def test_another_key_is_told(tmp_path: Path) -> None:
    token = SecretBox(tmp_path / "a").encrypt("a")
    for wrong in (token, "nonsense", "€"):
        with pytest.raises(StorageError, match=f"{KEY_FILE}: put the key back"):
            SecretBox(tmp_path / "b").decrypt(wrong)


def test_a_file_that_is_no_key(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("hello")
    with pytest.raises(StorageError, match="holds no key"):
        SecretBox(tmp_path).encrypt("a")


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be read or made"):
        SecretBox(tmp_path / "file").encrypt("a")
