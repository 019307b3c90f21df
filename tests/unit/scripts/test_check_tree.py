"""scripts/check-tree refuses what must not be committed, and nothing else."""

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "check-tree"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with an empty repository."""
    loader = importlib.machinery.SourceFileLoader("check_tree", str(SCRIPT))
    spec = importlib.util.spec_from_loader("check_tree", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    return module


def faults(tree: ModuleType, line: str, name: str = "some.py") -> list[str]:
    path = tree.ROOT / name
    path.write_text(f"first\n{line}\n")
    return list(tree.faults(path))


# The parts of each line are put together here, so that this file passes the check.
@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("see /wo" + "rk/shared", "a path of one machine"),
        ('open("/ho' + 'me/ann/x")', "a path of one machine"),
        ("https://py" + "pi.org/simple", "the address of a package index"),
        ("pip install --index" + "-url x", "a choice of package index"),
        ("# TO" + "DO: later", "a note for later"),
        ("# FIX" + "ME", "a note for later"),
    ],
)
def test_a_line_is_refused_with_its_place(tree: ModuleType, line: str, meaning: str) -> None:
    (fault,) = faults(tree, line)
    assert fault.startswith(f"some.py:2: {meaning}: ")


@pytest.mark.parametrize(
    "line", ["@pytest.mark." + "skip", "@pytest.mark." + "xfail()", "@pytest.mark." + "skipif(x)", "pytest." + "skip()"]
)
def test_a_test_without_a_reason_is_refused(tree: ModuleType, line: str) -> None:
    assert faults(tree, line, "tests/test_x.py") == [
        f"tests/test_x.py:2: a test is skipped without a reason: {fault(line)}"
    ]


def fault(line: str) -> str:
    """The part of a line that the message quotes."""
    return line[line.index("mark") :] if "mark" in line else line


@pytest.mark.parametrize(
    "line",
    ["http://example.com/work/x", "~/work", "a/home/b", "skip a todo list", '@pytest.mark.skipif(x, reason="no IPv6")'],
)
def test_what_only_looks_like_it_passes(tree: ModuleType, line: str) -> None:
    assert faults(tree, line, "tests/test_x.py") == []


def test_a_large_file_and_one_of_bytes_are_refused(tree: ModuleType) -> None:
    (tree.ROOT / "large.wav").write_bytes(bytes(tree.LARGEST + 1))
    (tree.ROOT / "odd.txt").write_bytes(b"\xff\xfe")
    assert "larger than" in next(tree.faults(tree.ROOT / "large.wav"))
    assert "neither UTF-8 text" in next(tree.faults(tree.ROOT / "odd.txt"))
