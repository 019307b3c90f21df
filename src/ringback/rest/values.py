"""How dates, booleans and numbers are written in answers and read from requests."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off", ""})


def rfc2822(moment: datetime) -> str:
    """Write a moment as `Fri, 18 Oct 2019 17:00:00 +0000`, whatever the locale is."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    day, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    return (
        f"{day}, {moment.day:02d} {month} {moment.year:04d}"
        f" {moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} +0000"
    )


def epoch(moment: datetime) -> str:
    """Write a moment as whole seconds since 1970: dates of transcriptions in 2008-08-01 (clause 4)."""
    return str(int(moment.timestamp()))


def camel(name: str) -> str:
    """Write a name of JSON as the element or parameter of that name: `date_created` is `DateCreated`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def snake(name: str) -> str:
    """Write the name of a parameter as a name of JSON: `StatusCallbackEvent` is `status_callback_event`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def boolean(text: str) -> bool | None:
    """Read a boolean of a form; None for what is none."""
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def moments(text: str) -> tuple[datetime, datetime] | None:
    """Read a date (`2024-01-31`) or a moment (`2024-01-31T10:00:00Z`): its beginning, and where the next one begins.

    A moment without a zone is in UTC. None for what is neither.
    """
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            start = datetime.fromisoformat(text).replace(tzinfo=UTC)
            return start, start + timedelta(days=1)
        if "T" not in text.upper() and " " not in text:
            return None
        moment = datetime.fromisoformat(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment, moment + timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None


Bound = Literal["", "<", ">"]


def bounds(sign: str, text: str, *, midnight: bool) -> list[tuple[Literal["<", "<=", ">", ">="], datetime]] | None:
    """Turn a condition on a time into comparisons, or None where the text is no date.

    `sign` is "" (within that day or second), "<" or ">" (both with what is named), or "<!" and ">!" (without).
    `midnight` says that a day means its beginning, as in 2008-08-01 (clause 4.3); else `<` includes the whole day.
    """
    found = moments(text)
    if found is None:
        return None
    start, end = found
    match sign:
        case "<":
            return [("<=", start)] if midnight else [("<", end)]
        case ">":
            return [(">=", start)]
        case "<!":
            return [("<", start)]
        case ">!":
            return [(">", start)] if midnight else [(">=", end)]
        case _:
            return [(">=", start), ("<", end)]
