"""A server that knows a password: its challenge, and whether a request answers it."""

from ringback.sip.auth import Credentials, Terms, ha1, parse_digest
from ringback.sip.message import Request

ALICE = Credentials("alice", "secret")
CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256'


def answers(request: Request, nonce: str, header: str = "authorization", password: str = "secret") -> bool:
    """Tell whether a request proves to know the password under that nonce."""
    value = request.get(header)
    if value is None:
        return False
    found = parse_digest(value)
    terms = Terms(
        found.get("algorithm", "MD5"), found["nonce"], request.method, found["uri"], found.get("qop", ""),
        found.get("cnonce", ""), found.get("nc", ""), request.body,
    )  # fmt: skip
    secret = ha1(terms.algorithm, "alice", found["realm"], password)
    return (found["nonce"], found["uri"], found["response"]) == (nonce, request.uri, terms.response(secret))
