"""From what goes wrong underneath to the code that the author of an application can look up.

Source: clause 7 of the 2008-08-01 specification and clause 15 of the 2010-04-01 one.
"""

import asyncio
import errno
import os
import ssl

import aiohttp

from ringback.model.errors import ApplicationError

MALFORMED_URL = 11100
RETRIEVAL = 11200
CONNECTION = 11205
PROTOCOL = 11206
UNKNOWN_HOST = 11210
TOO_MANY_REDIRECTS = 11215
TLS = 11220
CERTIFICATE_DOMAIN = 11235
CERTIFICATE_EXPIRED = 11236
CERTIFICATE_PATH = 11237
DOCUMENT_TOO_LARGE = 11750
MEDIA_TOO_LARGE = 11751
INTERNAL = 12400

# X509_V_ERR_* of OpenSSL's x509_vfy.h; whatever else is wrong with a certificate is a lack of a trusted path.
_CERTIFICATE = {10: CERTIFICATE_EXPIRED, 62: CERTIFICATE_DOMAIN, 64: CERTIFICATE_DOMAIN}


class FetchError(ApplicationError):
    """A request to an application failed.

    `kind` sorts failures as the `rp` override does: `4xx`, `5xx`, `ct` (not connected), `rt` (read timeout), and
    beside these `dropped` (closed without an answer) and `other`. `status` is the HTTP status, if one came.
    """

    def __init__(self, code: int, message: str, url: str | None = None, kind: str = "other", status: int = 0) -> None:
        super().__init__(code, message, url)
        self.kind = kind
        self.status = status


ERRORS = (aiohttp.ClientError, OSError, ValueError, EOFError)
"""All that a client underneath raises; `classify` knows what each one means. TimeoutError is an OSError."""


def classify(error: Exception, url: str, connect_timeout: float, read_timeout: float) -> FetchError:
    """Say what an exception of the HTTP client means to the author of the application. `url` is the one to blame."""
    match error:
        case FetchError():
            return error
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return FetchError(MALFORMED_URL, f"the URL can't be requested: {error}", url)
        case aiohttp.ClientConnectorDNSError():
            return FetchError(UNKNOWN_HOST, f"the host name can't be resolved: {error.os_error.strerror}", url)
        case aiohttp.ClientConnectorCertificateError():
            return _certificate(error.certificate_error, url)
        case aiohttp.ClientConnectorSSLError():
            return FetchError(TLS, f"the TLS handshake failed: {error.os_error}", url, "ct")
        case aiohttp.ClientConnectorError(os_error=OSError(errno=errno.EACCES)):  # the guard, which won't relent
            return FetchError(CONNECTION, f"no connection: {error.os_error.strerror}", url)
        case aiohttp.ClientConnectorError():
            reason = os.strerror(error.os_error.errno) if error.os_error.errno else str(error.os_error)
            return FetchError(CONNECTION, f"no connection to {error.host}:{error.port}: {reason}", url, "ct")
        case aiohttp.ConnectionTimeoutError():
            return FetchError(CONNECTION, f"no connection within {connect_timeout:g} s", url, "ct")
        case asyncio.TimeoutError():
            return FetchError(RETRIEVAL, f"nothing came for {read_timeout:g} s (the read timeout)", url, "rt")
        case ssl.SSLError():
            return FetchError(TLS, f"TLS failed: {error}", url)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | ConnectionError():
            return FetchError(PROTOCOL, "the server closed the connection without an answer", url, "dropped")
        case aiohttp.ClientResponseError():
            return FetchError(PROTOCOL, f"the answer is not HTTP: {error.message}", url)
        case aiohttp.ClientPayloadError():
            return FetchError(PROTOCOL, f"the body of the answer is broken off or not as announced: {error}", url)
        case _:
            return FetchError(RETRIEVAL, f"the request failed: {str(error) or type(error).__name__}", url)


def _certificate(error: Exception, url: str) -> FetchError:
    code = _CERTIFICATE.get(getattr(error, "verify_code", 0), CERTIFICATE_PATH)
    reason = getattr(error, "verify_message", "") or str(error)
    return FetchError(code, f"the server's certificate is refused: {reason}", url)
