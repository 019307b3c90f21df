"""From exceptions to codes; the real exceptions are in test_webhooks_exchange.py."""

import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from ringback.webhooks.failures import ERRORS, FetchError, classify

KEY = ConnectionKey("a", 443, True, True, None, None, None)


def certificate(code: int) -> Exception:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "because"
    return aiohttp.ClientConnectorCertificateError(KEY, error)


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (aiohttp.InvalidURL("x"), 11100, "other"),
        (aiohttp.NonHttpUrlClientError("x"), 11100, "other"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")), 11210, "other"),
        (certificate(10), 11236, "other"),
        (certificate(62), 11235, "other"),
        (certificate(64), 11235, "other"),
        (certificate(18), 11237, "other"),
        (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "wrong version")), 11220, "ct"),
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), 11205, "ct"),
        (aiohttp.ClientConnectorError(KEY, OSError("several")), 11205, "ct"),
        (aiohttp.ClientConnectorError(KEY, OSError(13, "the guard")), 11205, "other"),
        (aiohttp.ConnectionTimeoutError("x"), 11205, "ct"),
        (aiohttp.SocketTimeoutError("x"), 11200, "rt"),
        (TimeoutError(), 11200, "rt"),
        (ssl.SSLError(1, "alert"), 11220, "other"),
        (aiohttp.ServerDisconnectedError(), 11206, "dropped"),
        (aiohttp.ClientOSError(104, "reset"), 11206, "dropped"),
        (ConnectionResetError(), 11206, "dropped"),
        (aiohttp.ClientPayloadError("not completed"), 11206, "other"),
        (aiohttp.ClientError("digest"), 11200, "other"),
        (ValueError(), 11200, "other"),
        (EOFError(), 11200, "other"),
    ],
)
def test_each_exception_has_its_code(error: Exception, code: int, kind: str) -> None:
    assert isinstance(error, ERRORS)
    failure = classify(error, "http://a/", 5, 15)
    assert (failure.code, failure.kind, failure.url) == (code, kind, "http://a/")
    assert failure.message.strip(": ")


def test_times_are_named() -> None:
    assert "5 s" in classify(aiohttp.ConnectionTimeoutError(), "u", 5, 15).message
    assert "15 s (the read timeout)" in classify(TimeoutError(), "u", 5, 15).message


def test_what_is_classified_stays_so() -> None:
    error = FetchError(11750, "large", "u")
    assert classify(error, "other", 5, 15) is error
