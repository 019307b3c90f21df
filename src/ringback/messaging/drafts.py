"""Whether a message can be sent, and as what: every reason to refuse one, with its code. Pure.

2008-08-01 clauses 3.2 and 6.10, 2010-04-01 clauses 9.6 and 15.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ringback.messaging.port import Draft, MessageRefused
from ringback.messaging.text.alphabets import TextError, count_segments
from ringback.messaging.text.smart import to_gsm7
from ringback.model.numbers import normalise
from ringback.model.status import ApiVersion

LONGEST = {ApiVersion.V2008: (160, 21605), ApiVersion.V2010: (1600, 21617)}
"""Characters of a body, and the code of a longer one."""
MOST_MEDIA = 10
VALIDITY = 36_000
"""Seconds that a message may wait to be sent."""
SOONEST, LATEST = timedelta(minutes=15), timedelta(days=35)
"""How far ahead a message may be scheduled."""
_SLACK = timedelta(seconds=30)
"""What clocks may differ by."""

_ADDRESS = re.compile(r"\+?[0-9]{2,15}|sips?:[!-;=?-~]{1,240}|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 _&+-]{1,11}")


@dataclass(frozen=True, slots=True)
class Checked:
    """What of a draft can be sent."""

    from_: str
    to: str
    body: str
    num_segments: int
    expires: datetime
    send_at: datetime | None


def is_sender_name(text: str) -> bool:
    """Tell whether a sender is a name of up to eleven letters, digits and blanks rather than a number."""
    return _SENDER_NAME.fullmatch(text) is not None


def check(draft: Draft, now: datetime, *, region: str | None = "US", smart: bool = True) -> Checked:
    """Return what is to be sent. Whether the sender is the account's is for others to know.

    `region` tells how numbers without `+` are read; `smart` is what a draft gets that doesn't say whether look-alikes
    are replaced. Raises MessageRefused.
    """
    to = _address(draft.to, region, 21604, "To", 21211)
    from_ = _sender(draft.from_, region)
    body, segments = _body(draft, smart)
    _media(draft)
    if draft.status_callback and not is_url(draft.status_callback):
        raise MessageRefused(21609, f"StatusCallback {draft.status_callback[:200]!r} is not an http or https URL")
    validity = VALIDITY if draft.validity_period is None else draft.validity_period
    if not 1 <= validity <= VALIDITY:
        raise MessageRefused(21624, f"ValidityPeriod is a number of seconds from 1 to {VALIDITY}")
    if draft.send_at is not None and not SOONEST - _SLACK <= draft.send_at - now <= LATEST + _SLACK:
        raise MessageRefused(20422, "SendAt must be 15 minutes to 35 days from now")
    return Checked(from_, to, body, segments, (draft.send_at or now) + timedelta(seconds=validity), draft.send_at)


def is_url(text: str) -> bool:
    """Tell whether a text is an absolute http or https URL."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and text.isprintable()
    except ValueError:
        return False


def _address(text: str, region: str | None, missing: int, name: str, invalid: int) -> str:
    if not text.strip():
        raise MessageRefused(missing, f"{name} is missing")
    if not _is_text(text) or len(text) > 260:
        raise MessageRefused(invalid, f"{name} is not a number that can get messages")
    number = normalise(text, region)
    if not _ADDRESS.fullmatch(number):
        raise MessageRefused(invalid, f"{name} {text[:60]!r} is not a number that can get messages")
    return number


def _sender(text: str, region: str | None) -> str:
    if is_sender_name(text.strip()):
        return text.strip()
    return _address(text, region, 21603, "From", 21212)


def _body(draft: Draft, smart: bool) -> tuple[str, int]:
    body = draft.body.replace("\0", "")
    if not body.strip() and not draft.media_urls:
        raise MessageRefused(21602, "Body is missing")
    longest, code = LONGEST[draft.api_version]
    if len(body) > longest:
        raise MessageRefused(code, f"Body has {len(body)} characters; {longest} is the limit")
    if smart if draft.smart_encoded is None else draft.smart_encoded:
        body = to_gsm7(body)
    try:
        return body, count_segments(body)
    except TextError as error:
        raise MessageRefused(20422, f"Body cannot be sent: {error}") from None


def _media(draft: Draft) -> None:
    if len(draft.media_urls) > MOST_MEDIA:
        raise MessageRefused(21623, f"a message may have {MOST_MEDIA} media files at most")
    for url in draft.media_urls:
        if not is_url(url):
            raise MessageRefused(21620, f"MediaUrl {url[:200]!r} is not an http or https URL")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
