"""Codes have a level and a title, and an error tells its code, its reason and the URL."""

from ringback.model import errors


def test_a_code_is_described() -> None:
    assert errors.describe(12100) == errors.ErrorInfo(12100, "error", "The document is not well-formed XML")
    assert errors.describe(12200) == errors.ErrorInfo(12200, "warning", "Something in the document was ignored")


def test_a_code_without_a_name_counts_as_an_error() -> None:
    assert errors.describe(99_999) == errors.ErrorInfo(99_999, "error", "Unnamed error")


def test_no_code_is_both_an_error_and_a_warning() -> None:
    assert not errors.ERRORS.keys() & errors.WARNINGS.keys()


def test_an_error_tells_its_code_its_reason_and_the_url() -> None:
    error = errors.ApplicationError(11200, "it answered 500", "http://127.0.0.1/voice")
    assert str(error) == "11200: it answered 500 (http://127.0.0.1/voice)"
    assert str(errors.ApplicationError(12100, "no root")) == "12100: no root"
