"""Why a call ends, and where else to try: the headers Reason (RFC 3326), Contact of a 3xx, Retry-After, Warning."""

import re

from ringback.sip.fields import FieldError, parse_parameters
from ringback.sip.message import Message, Request, Response, clean
from ringback.sip.values import Headers
from ringback.sip.wire import Fields

_TELLING = frozenset(
    [
        "alert-info",
        "call-info",
        "diversion",
        "geolocation",
        "history-info",
        "p-asserted-identity",
        "p-called-party-id",
        "p-charging-vector",
        "p-preferred-identity",
        "privacy",
        "reason",
        "referred-by",
        "remote-party-id",
        "replaces",
        "retry-after",
        "session-expires",
        "subject",
        "supported",
        "user-agent",
        "user-to-user",
        "warning",
    ]
)
_MAX_TELLING = 50
_MAX_CONTACTS = 10
_NUMBER = re.compile(r"\s*([0-9]{1,9})")


def reason_text(message: Message) -> str:
    """Return the Reason header of a BYE or CANCEL as it stands; empty where there is none."""
    return clean((message.get("reason") or "")[:200])


def q850_of(message: Message) -> int | None:
    """Return the cause of the telephone network (ITU-T Q.850) that a Reason header tells, or None."""
    if "reason" not in message.headers:
        return None
    try:
        for value in message.values("reason"):
            protocol, semicolon, rest = value.partition(";")
            cause = parse_parameters(semicolon + rest).get("cause") or ""
            if protocol.strip().upper() == "Q.850" and cause.isascii() and cause.isdigit() and len(cause) <= 3:
                return int(cause)
    except FieldError:
        pass
    return None


def reason_fields(text: str | None, q850: int | None = None, sip: int = 200) -> Fields:
    """Return the Reason header of a BYE or CANCEL of ours: a text, a cause of Q.850, or both."""
    quoted = f';text="{_quotable(text)}"' if text else ""
    values = [] if q850 is None else [f"Q.850;cause={q850}{quoted}"]
    if text and q850 is None:
        values.append(f"SIP;cause={sip}{quoted}")
    return [("Reason", value) for value in values]


def _quotable(text: str) -> str:
    """Return text that can stand in a quoted string of one line."""
    return "".join(c for c in text if c.isprintable() and c not in '"\\')[:200]


def contacts_of(response: Response) -> tuple[str, ...]:
    """Return the URIs that a 3xx names, the most wanted (`q`, §20.10) first."""

    def wanted(value: str | None) -> float:
        return float(value) if value is not None and re.fullmatch(r"[01](\.[0-9]{0,3})?", value) else 1.0

    ordered = sorted(response.contacts, key=lambda contact: -wanted(contact.parameters.get("q")))
    return tuple(clean(contact.uri) for contact in ordered[:_MAX_CONTACTS])


def retry_after_of(message: Message) -> int | None:
    """Return the seconds of a Retry-After header (§20.33), or None."""
    match = _NUMBER.match(message.get("retry-after") or "")
    return int(match[1]) if match else None


def telling_headers(message: Message) -> Headers:
    """Pick the headers that an application may want to see, names in lower case, `X-` ones included."""
    found = [
        (name, clean(value))
        for name, values in message.headers.items()
        if name in _TELLING or name.startswith("x-")
        for value in values
    ]
    return tuple(found[:_MAX_TELLING])


def all_headers(message: Request | Response) -> Headers:
    """Return all headers of a message, names in lower case."""
    return tuple((name, clean(value)) for name, values in message.headers.items() for value in values)


def warning(text: str, code: int = 399, agent: str = "ringback") -> tuple[str, str]:
    """Return a Warning header (§20.43): why something cannot be served.

    The codes are 300 to 307 for parts of a session description (304: no media line fits, 305: no codec), 399 for all
    else.
    """
    return "Warning", f'{code} {agent} "{_quotable(text)}"'
