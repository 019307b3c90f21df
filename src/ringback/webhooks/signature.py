"""X-Twilio-Signature: how an application knows that a request is from the server that holds its Auth Token.

Source: clause 1.5 of the 2008-08-01 specification and clause 6 of the 2010-04-01 one; both versions sign alike.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

HEADER = "X-Twilio-Signature"


def sign(auth_token: str, url: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
    """Return the signature of a request: HMAC-SHA1 under the Auth Token, in base64.

    `url` is the whole URL as it is sent (scheme, host, path, query; no user, no fragment). `parameters` are the fields
    of a form that is posted, decoded; a GET has none, since its query is part of the URL. A name or a value that
    occurs twice counts once.
    """
    message = url + "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.digest(auth_token.encode(), message.encode(), "sha1")
    return base64.b64encode(digest).decode("ascii")


def body_url(url: str, body: bytes) -> str:
    """Return the URL with the hash of a body that is no form (JSON, say); then this URL alone is what `sign` takes."""
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}bodySHA256={hashlib.sha256(body).hexdigest()}"
