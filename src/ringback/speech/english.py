"""How English says what is not prose: letters, amounts, dates, addresses of the net."""

import re
from typing import Final

_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SIGNS: Final = {
    ".": "dot", "-": "dash", "_": "underscore", "@": "at", "/": "slash", "#": "pound", "*": "star", "+": "plus",
    "&": "and", ":": "colon", "%": "percent", "$": "dollar",
}  # fmt: skip
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

# symbol or code: (one, many, one hundredth, many hundredths)
_CURRENCIES: Final = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "USD": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "JPY": ("yen", "yen", "sen", "sen"),
}
_NUMBER: Final = r"(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})?(?:\.(?P<part>\d{1,2}))?"
_SCALE: Final = r"(?! ?(?:hundred|thousand|million|billion|trillion)\b|[kKmMbB]\b|[\d,.]*\d)"
_MONEY: Final = re.compile(rf"(?<![\w.])(?P<minus>-)?(?P<unit>[$£€¥]|(?:USD|GBP|EUR|JPY) ?)(?=[\d.]){_NUMBER}{_SCALE}")
_MONEY_AFTER: Final = re.compile(rf"(?<![\w.,$£€¥])(?P<minus>-)?(?=\d){_NUMBER} ?(?P<unit>€|USD|GBP|EUR|JPY)(?!\w)")

_URL: Final = re.compile(r"(?<!\w)(?:https?://(?:www\.)?|www\.)([\w.-]+\w)((?:/[\w./-]*\w)?)/?", re.IGNORECASE)
_EMAIL: Final = re.compile(r"(?<![\w.])([\w.+-]{1,64})@([\w-]+(?:\.[\w-]+)+)")
_SIGN: Final = re.compile(r"([./_@+-])")


def letters(text: str) -> str:
    """Spell `text`: letters in small ones (`A` as `eh`, which no engine takes for an article), digits as words.

    Letters are small because a capital and a full stop would look like an initial, and the sentence would go on.
    Signs that have no name here are left out.
    """
    return " ".join(filter(None, (_letter(c) for c in text)))


def _letter(c: str) -> str:
    if c in "Aa":
        return "eh"
    if c.isascii() and c.isdigit():
        return _DIGITS[int(c)]
    return c.lower() if c.isalnum() else _SIGNS.get(c, "")


def _with_commas(digits: str) -> str:
    """Write thousands with commas: then no engine takes the number for a year."""
    return f"{int(digits.replace(',', '')):,}"


def _amount(match: re.Match[str]) -> str:
    one, many, cent, cents = _CURRENCIES[match["unit"].strip()]
    whole = _with_commas(match["whole"] or "0")
    part = int((match["part"] or "0").ljust(2, "0"))
    said = [] if whole == "0" and part else [f"{whole} {one if whole == '1' else many}"]
    if part:
        said.append(f"{part} {cent if part == 1 else cents}")
    return ("minus " if match["minus"] else "") + " and ".join(said)


def money(text: str) -> str:
    """Write out the amounts in `text`: `$1,234.56` is "1,234 dollars and 56 cents". `$5 million` is for the engine."""
    return _MONEY_AFTER.sub(_amount, _MONEY.sub(_amount, text))


def currency(text: str) -> str:
    """Read an amount that is marked as one; without a unit it is an amount of dollars."""
    return money(f"${text}" if re.fullmatch(r"[\d.,]+", text) else text)


def spoken_url(text: str) -> str:
    """Write out addresses of the web and of mail: `a.b@example.com` is "a dot b at example dot com"."""

    def spell(part: str) -> str:
        return _SIGN.sub(lambda m: f" {_SIGNS[m[0]]} ", part)

    text = _URL.sub(lambda m: spell(m[1] + m[2]), text)
    return _EMAIL.sub(lambda m: f"{spell(m[1])} at {spell(m[2])}", text)


def cardinal(text: str) -> str:
    """Read a whole number as a quantity, never as a year. Other text is returned as it is."""
    return _with_commas(text) if re.fullmatch(r"[\d,]*\d[\d,]*", text) and len(text) <= 20 else text


def ordinal(text: str) -> str:
    """Read a whole number as an ordinal: `3` is "3rd". Other text is returned as it is."""
    if not re.fullmatch(r"\d{1,15}", text):
        return text
    number = int(text)
    ending = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def fraction(text: str) -> str:
    """Read `3/20` as "3 over 20", `1+1/2` as "1 and 1/2" (engines know the halves to tenths by name)."""
    match = re.fullmatch(r"(?:(\d+) ?\+ ?)?(\d+) ?/ ?(\d+)", text)
    if match is None:
        return text
    whole, above, below = match.groups()
    said = f"{above}/{below}" if 0 < int(above) < int(below) <= 10 else f"{above} over {below}"
    return f"{whole} and {said}" if whole else said


def minutes(text: str) -> str:
    """Read a duration of the form `1'21"`; a time of day is left to the engine."""
    match = re.fullmatch(r"(\d+)'(?:(\d+)\")?", text)
    if match is None:
        return text
    parts = [(int(match[1]), "minute"), (int(match[2] or 0), "second")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count) or "0 minutes"


def _fields(text: str, form: str) -> dict[str, int] | None:
    if form == "yyyymmdd" and re.fullmatch(r"[\d?]{8}", text):
        parts, form = [text[:4], text[4:6], text[6:]], "ymd"
    else:
        parts = re.split(r"[^\d?]+", text)
    if len(parts) != len(form) or not set(form) <= set("ymd"):
        return None
    fields = {letter: int(part) for letter, part in zip(form, parts, strict=True) if part.isdigit()}
    if not 1 <= fields.get("m", 1) <= 12 or not 1 <= fields.get("d", 1) <= 31:
        return None
    return fields


def date(text: str, form: str) -> str:
    """Read a date whose parts are in the order `form` tells (`mdy`, `ymd`, `dm`, `yyyymmdd`, …): "March 14th, 2024".

    A date without a form, or one that doesn't follow its form, is returned as it is.
    """
    fields = _fields(text, form.lower()) if form else None
    if not fields:
        return text
    month = _MONTHS[fields["m"] - 1] if "m" in fields else ""
    day = ordinal(str(fields["d"])) if "d" in fields else ""
    year = fields.get("y")
    if year is not None and year < 100:
        year += 2000 if year < 50 else 1900
    return ", ".join(filter(None, (f"{month} {day}".strip(), str(year) if year is not None else "")))
