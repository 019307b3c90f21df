"""The marker `needs`: a missing program skips a test, and fails it where CI is set."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with this one's conftest and two tests, one of which needs a program that nobody has."""
    pytester.makeini("[pytest]\nmarkers = needs(command)\nasyncio_default_fixture_loop_scope = function")
    (pytester.path / "tests" / "unit").mkdir(parents=True)
    (pytester.path / "tests" / "conftest.py").write_text(CONFTEST.read_text())
    (pytester.path / "tests" / "unit" / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.needs('python3', 'no-such-phone')\n"
        "def test_phone(): pass\n"
        "@pytest.mark.needs('sh')\n"
        "def test_shell(): pass\n"
    )
    return pytester


@pytest.mark.long
@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped"), ("true", "errors")])
def test_a_missing_program(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str) -> None:
    monkeypatch.setenv("CI", ci)
    result = project.runpytest_inprocess("-rs", "-p", "no:cacheprovider", "tests")
    result.assert_outcomes(passed=1, **{outcome: 1})
    result.stdout.fnmatch_lines(["*not installed: no-such-phone (scripts/system-packages installs it)*"])
