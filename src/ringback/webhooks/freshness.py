"""How old an answer is and how long it may be used: the arithmetic of RFC 9111 clauses 4.2 and 5, without a clock.

All times are seconds since 1970. Where an answer says something that makes no sense, it is taken to be stale: the
application is asked once more, which is never wrong.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from multidict import CIMultiDictProxy, MultiMapping

_DIRECTIVE = re.compile(r"""([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s,]*))?[ \t]*(?:,|$)""")
_NUMBER = re.compile(r"[0-9]+")
_MOST = 1 << 31
"""What a number of seconds that is larger counts as (RFC 9111 clause 1.2.2)."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DATES = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"[a-z]{{3}}, (?P<day>\d\d) (?P<month>[a-z]{{3}}) (?P<year>\d{{4}}) {_TIME} GMT",
        rf"[a-z]{{6,9}}, (?P<day>\d\d)-(?P<month>[a-z]{{3}})-(?P<year>\d\d) {_TIME} GMT",
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)

Directives = Mapping[str, str | None]
Headers = CIMultiDictProxy[str] | MultiMapping[str]


@dataclass(frozen=True, slots=True)
class Moment:
    """When an answer was asked for, and when it came."""

    asked: float
    came: float


def directives(headers: Headers) -> Directives:
    """Read Cache-Control: the directives in lower case, each with its argument, if it has one.

    Of one that occurs twice the first counts (clause 4.2.1). What is no directive is skipped. Never raises.
    """
    found: dict[str, str | None] = {}
    rest = ", ".join(headers.getall("Cache-Control", []))
    while rest:
        rest = rest.lstrip(" \t,")
        if match := _DIRECTIVE.match(rest):
            value = match[2]
            if value and value.startswith('"'):
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            found.setdefault(match[1].lower(), value)
            rest = rest[match.end() :]
        else:
            rest = rest.partition(",")[2]
    return found


def seconds(text: str | None) -> int | None:
    """Read a number of seconds; None for what is none."""
    if text is None or not _NUMBER.fullmatch(text):
        return None
    return min(int(text.lstrip("0")[:12] or "0"), _MOST)  # twelve digits are more than the most already


def http_date(text: str) -> float | None:
    """Read a date in one of the three forms of RFC 9110 clause 5.6.7; None for anything else."""
    match = next((match for form in _DATES if (match := form.fullmatch(text.strip()))), None)
    if match is None or match["month"].lower() not in _MONTHS:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        # The clause says: more than fifty years ahead is meant to be past. There is no clock here; the form died out
        # in the nineties, so that a pivot does.
        year += 1900 if year >= 80 else 2000
    month = _MONTHS.index(match["month"].lower()) + 1
    try:
        moment = datetime(
            year, month, int(match["day"]), int(match["hour"]), int(match["minute"]), int(match["second"]), tzinfo=UTC
        )
    except ValueError:
        return None
    return moment.timestamp()


def age(headers: Headers, moment: Moment, now: float) -> float:
    """Return how old an answer is now (clause 4.2.3)."""
    apparent = max(0.0, moment.came - _date(headers, moment))
    first = headers.get("Age", "").partition(",")[0].partition(";")[0].strip()
    corrected = (seconds(first) or 0) + (moment.came - moment.asked)
    return max(apparent, corrected) + max(0.0, now - moment.came)


def lifetime(headers: Headers, moment: Moment) -> float | None:
    """Return how long an answer is fresh (clause 4.2.1, as a shared cache reads it); None where it doesn't say.

    There is no guess from Last-Modified (clause 4.2.2): whoever replaces a prompt wants the next caller to hear it.
    """
    said = directives(headers)
    for name in ("s-maxage", "max-age"):
        if name in said:
            return seconds(said[name]) or 0
    if "Expires" in headers:
        expires = headers.getall("Expires")
        end = http_date(expires[0]) if len(expires) == 1 else None
        return 0 if end is None else max(0.0, end - _date(headers, moment))
    return None


def stale_allowance(headers: Headers, otherwise: float) -> float:
    """Return for how many seconds after its end an answer may serve when the application gives none that is better.

    That is what `stale-if-error` says (RFC 5861 clause 4), else `otherwise`; nothing where an answer must be validated
    each time (clause 4.2.4).
    """
    said = directives(headers)
    if said.keys() & {"no-cache", "must-revalidate", "proxy-revalidate", "s-maxage"}:
        return 0
    if "stale-if-error" in said:
        return seconds(said["stale-if-error"]) or 0
    return otherwise


def _date(headers: Headers, moment: Moment) -> float:
    date = http_date(headers.get("Date", ""))
    return moment.came if date is None else date
