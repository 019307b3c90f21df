"""The import contracts of pyproject.toml bite: each violation planted into an empty copy of the tree is reported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
PLANTED = [
    # importer, imported, and whether the layers, or a contract of its own, forbid it
    ("ringback.model.sids", "ringback.sip"),
    ("ringback.sip.events", "ringback.rtp"),
    ("ringback.calls.port", "ringback.twiml"),
    ("ringback.media.g711", "ringback.storage"),
    ("ringback.speech", "ringback.webhooks"),
    ("ringback.twiml.verbs", "ringback.app"),
    ("ringback.app", "ringback.testing"),
    ("ringback.model.audio", "random"),
    ("ringback.rtp.packet", "time"),
    ("ringback.sip.fields", "asyncio"),
    ("ringback.sip", "socket"),
    ("ringback.media.jitter", "threading"),
    ("ringback.twiml.reader", "ringback.storage"),
    ("ringback.twiml.verbs", "ringback.rtp.packet"),
    ("ringback.sip.dialog", "ringback.sip.net"),
    ("ringback.webhooks", "ringback.sip.net"),
    ("ringback.calls.port", "sqlalchemy"),
]
ALLOWED = [
    ("ringback.sip.net", "asyncio"),
    ("ringback.calls.port", "ringback.sip.net"),
    ("ringback.storage", "sqlalchemy"),
    ("ringback.testing", "ringback.app"),
]


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A tree with the modules of the real one, all of them empty."""
    for module in (ROOT / "src").rglob("*.py"):
        copy = tmp_path / module.relative_to(ROOT / "src")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    return tmp_path


def plant(skeleton: Path, imports: list[tuple[str, str]]) -> None:
    """Write the import statements into the modules, which are made where the real tree has none."""
    for importer, imported in imports:
        path = skeleton.joinpath(*importer.split("."))
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with module.open("a") as file:
            file.write(f"import {imported}\n")


def lint(skeleton: Path) -> subprocess.CompletedProcess[str]:
    """Check the skeleton with the contracts of the real tree."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    options = ["--config", str(ROOT / "pyproject.toml"), "--no-logo", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(skeleton), "COLUMNS": "200"}
    return subprocess.run([*command, *options], cwd=skeleton, env=environment, capture_output=True, text=True)


def test_what_is_allowed_passes(skeleton: Path) -> None:
    plant(skeleton, ALLOWED)
    result = lint(skeleton)
    assert result.returncode == 0, result.stdout


def test_each_violation_is_reported(skeleton: Path) -> None:
    plant(skeleton, PLANTED)
    result = lint(skeleton)
    assert result.returncode == 1, result.stdout + result.stderr
    unreported = [pair for pair in PLANTED if f"{pair[0]} -> {pair[1]}" not in result.stdout]
    assert not unreported, result.stdout


def test_a_package_that_has_no_place_is_reported(skeleton: Path) -> None:
    (skeleton / "ringback" / "gadgets").mkdir()
    (skeleton / "ringback" / "gadgets" / "__init__.py").touch()
    result = lint(skeleton)
    assert result.returncode == 1
    assert "gadgets" in result.stdout
