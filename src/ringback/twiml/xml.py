"""XML as applications send it, read with care: no entities, no network, and one error for whatever is wrong.

2008-08-01 clauses 1.6 and 2.1, 2010-04-01 clause 1.
"""

import codecs
import re

from lxml import etree

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.twiml.reader import shorten

MAX_DOCUMENT = 64 * 1024
"""Bytes of the largest document (error 11750)."""

XML_TYPES = ("text/xml", "application/xml", "text/html")
"""Content types of TwiML. The last is there because web frameworks answer with it unless told otherwise."""

# Python's escape codecs are no charsets, though it knows them by name.
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?(?![\w-]*escape)([\w.:+-]{1,40})""", re.IGNORECASE | re.ASCII)
_POSITION = re.compile(r", line \d+, column \d+.*$", re.DOTALL)


class TwimlError(ApplicationError):
    """A document that cannot be rendered: 11200, 11750, 12100, 12101, 12102 or 12300."""


def charset_of(content_type: str) -> str | None:
    """Return the charset that a Content-Type field names, if it names one."""
    match = _CHARSET.search(content_type)
    return match[1] if match else None


def parse_xml(body: bytes, charset: str | None) -> etree._Element:
    """Parse XML, or raise TwimlError.

    The charset of the HTTP header counts before the XML declaration (RFC 7303 section 3), unless the document cannot be
    read that way: web frameworks add a charset of their own to whatever they send.
    """
    if charset is not None and not body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return etree.fromstring(body, _parser(charset))
        except (etree.LxmlError, LookupError, ValueError):
            pass
    try:
        return etree.fromstring(body, _parser(None))
    except etree.XMLSyntaxError as error:
        raise TwimlError(12100, _explain(error, body)) from None
    except (etree.LxmlError, LookupError, ValueError) as error:
        raise TwimlError(12100, f"The document cannot be read as XML: {error}") from None


def _parser(charset: str | None) -> etree.XMLParser:
    # No entities, no DTD, no network: a document says what to do, it cannot ask this server to read anything.
    return etree.XMLParser(
        encoding=charset,
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )


_HINTS = {
    "xmlParseEntityRef": "; write &amp; for an ampersand",
    "EntityRef": "; write &amp; for an ampersand",
    "declaration allowed only at the start": "; there must be nothing before <?xml, not even a space",
    "not proper UTF-8": "; the document must be in UTF-8, or its XML declaration must name the encoding",
}


def _explain(error: etree.XMLSyntaxError, body: bytes) -> str:
    line, column = error.position
    what = _POSITION.sub("", error.msg or "it ends too early").strip()
    hint = next((hint for mark, hint in _HINTS.items() if mark in what), "")
    return f"The document is not well-formed XML. Line {line}, column {column}: {what}{hint}"


def version_of(root: etree._Element, version: ApiVersion) -> ApiVersion:
    """Return the version that a document is in: `version`, unless it names another one. Raises TwimlError."""
    named = root.get("version")
    if named is None:
        return version
    try:
        return ApiVersion(named.strip())
    except ValueError:
        known = " or ".join(ApiVersion)
        raise TwimlError(12101, f"There is no TwiML version {shorten(named)}; it is {known}") from None
