"""What tests claim is read from their source."""

from pathlib import Path

import pytest

from ringback.app.conformance.claims import UnknownClauseError, proofs

TIMEOUT, LOOP, DIGITS = "2008-08-01/2.4/timeout", "2008-08-01/2.2/loop", "2008-08-01/2.4/Digits"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src" / "ringback" / "model").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    return tmp_path


def write(root: Path, text: str, name: str = "tests/test_one.py") -> None:
    (root / name).write_text(text)


def test_markers_of_tests_classes_and_modules(root: Path) -> None:
    write(
        root,
        f"""
import pytest
pytestmark = [pytest.mark.conforms("{LOOP}"), pytest.mark.slow]

@pytest.mark.conforms("{TIMEOUT}")
@pytest.mark.parametrize("a", [1])
def test_one(a): ...

async def test_two(): ...

def helper(): ...

@pytest.mark.conforms("{DIGITS}")
class TestThree:
    def test_four(self): ...
""",
    )
    found = proofs(root)
    assert found[TIMEOUT] == ["tests/test_one.py::test_one"]
    assert found[DIGITS] == ["tests/test_one.py::TestThree::test_four"]
    assert found[LOOP] == [
        "tests/test_one.py::TestThree::test_four",
        "tests/test_one.py::test_one",
        "tests/test_one.py::test_two",
    ]


def test_a_single_pytestmark(root: Path) -> None:
    write(root, f'import pytest\npytestmark = pytest.mark.conforms("{LOOP}")\ndef test_one(): ...')
    assert list(proofs(root)) == [LOOP]


def test_a_claim_of_both_versions(root: Path) -> None:
    write(root, 'import pytest\n@pytest.mark.conforms("*/2.4/timeout")\ndef test_one(): ...')
    assert list(proofs(root)) == [TIMEOUT, "2010-04-01/2.4/timeout"]


def test_an_unknown_clause_is_a_mistake(root: Path) -> None:
    write(root, 'import pytest\n@pytest.mark.conforms("2008-08-01/2.4/tiemout")\ndef test_one(): ...')
    with pytest.raises(UnknownClauseError, match=r"tests/test_one.py::test_one claims 2008-08-01/2.4/tiemout"):
        proofs(root)


@pytest.mark.parametrize(
    "claim", ['*(f"2008-08-01/2.4/{name}" for name in NAMES)', 'f"2008-08-01/{CLAUSE}"', "TIMEOUT"]
)
def test_a_claim_that_is_computed_is_a_mistake_and_not_lost(root: Path, claim: str) -> None:
    write(root, f"import pytest\n\n@pytest.mark.conforms({claim})\ndef test_one(): ...")
    with pytest.raises(UnknownClauseError, match=r"^tests/test_one.py, line 3: write the clause out"):
        proofs(root)


def test_codes_are_proved_by_those_who_name_them_once_they_are_raised(root: Path) -> None:
    write(root, "raise Error(13310)", "src/ringback/gather.py")
    write(root, "CODES = {13310: 'a', 13311: 'b', 13312: 'c'}", "src/ringback/model/errors.py")
    write(
        root,
        """
TABLE: list = [("a", 13310)]
OTHER = [("b", 13311)]

@pytest.mark.parametrize(("text", "code"), TABLE)
def test_one(text, code): ...

def test_two():
    assert code == 13310

def test_three():
    assert code == 13311 and OTHER
""",
    )
    found = proofs(root)
    assert found["2008-08-01/7/13310"] == ["tests/test_one.py::test_one", "tests/test_one.py::test_two"]
    assert "2010-04-01/15/13310" in found
    assert "2008-08-01/7/13311" not in found
