"""From what an application sent to a document: verbs with typed attributes, and warnings.

Whatever the bytes are, reading them ends in a Document or in TwimlError. 2008-08-01 clauses 1.6 and 2.1, 2010-04-01
clause 1.
"""

import codecs
import re
from dataclasses import dataclass

from lxml import etree

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.speech.normalise import Segment
from ringback.twiml.attributes import SCHEMA
from ringback.twiml.reader import DocumentWarning, Reader, name_of, shorten
from ringback.twiml.verb import Verb
from ringback.twiml.verbs import NOT_YET, RENDERED
from ringback.twiml.verbs.hangup import Hangup
from ringback.twiml.verbs.play import PlayBody
from ringback.twiml.verbs.say import Say
from ringback.twiml.voices import BASIC_LIMIT

MAX_DOCUMENT = 64 * 1024
"""Bytes of the largest document (error 11750)."""

XML_TYPES = ("text/xml", "application/xml", "text/html")
"""Content types of TwiML. The last is there because web frameworks answer with it unless told otherwise."""

# Python's escape codecs are no charsets, though it knows them by name.
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?(?![\w-]*escape)([\w.:+-]{1,40})""", re.IGNORECASE | re.ASCII)
_POSITION = re.compile(r", line \d+, column \d+.*$", re.DOTALL)


class TwimlError(ApplicationError):
    """A document that cannot be rendered: 11200, 11750, 12100, 12101, 12102 or 12300."""


@dataclass(frozen=True, slots=True)
class Document:
    """What there is to do, in order."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[DocumentWarning, ...] = ()
    version: ApiVersion = ApiVersion.V2010
    """The version of the language that it is read in: the call's, unless the document names another."""


def read_document(body: bytes, content_type: str, version: ApiVersion) -> Document:
    """Read the answer of an application. `content_type` is the whole field, `version` that of the call.

    XML is TwiML; audio is played and plain text spoken, and the call ends; an empty body ends the call. In 2010-04-01
    plain text that is TwiML counts as TwiML. Raises TwimlError and nothing else.
    """
    kind = content_type.split(";")[0].strip().lower()
    if not body.strip():
        return Document(version=version)
    if kind.startswith("audio/"):
        return Document((PlayBody(body, content_type), Hangup()), version=version)
    if not kind:
        raise TwimlError(11200, "The answer has no Content-Type; TwiML has text/xml")
    if kind not in (*XML_TYPES, "text/plain"):
        raise TwimlError(
            12300, f"The content type {shorten(kind)} cannot be rendered: send text/xml, text/plain or audio/*"
        )
    if len(body) > MAX_DOCUMENT:
        raise TwimlError(11750, f"The document has {len(body)} bytes; {MAX_DOCUMENT} is the limit")
    match = _CHARSET.search(content_type)
    charset = match[1] if match else None
    if kind == "text/plain":
        return _plain(body, charset, version)
    return _document(_parse(body, charset), version)


def _plain(body: bytes, charset: str | None, version: ApiVersion) -> Document:
    if version is not ApiVersion.V2008:
        try:
            root = _parse(body, charset)
        except TwimlError:
            pass
        else:
            if name_of(root) == "Response":
                return _document(root, version)
    try:
        text = body.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    text = " ".join(text.split())
    warnings: tuple[DocumentWarning, ...] = ()
    if len(text) > BASIC_LIMIT:
        warnings = (DocumentWarning(13521, f"the text is cut after {BASIC_LIMIT} characters", 1),)
    say = Say((Segment(text[:BASIC_LIMIT]),), language="en" if version is ApiVersion.V2008 else "")
    return Document((say, Hangup()), warnings, version)


def _parse(body: bytes, charset: str | None) -> etree._Element:
    """Parse XML. The charset of the HTTP header counts before the XML declaration (RFC 7303 section 3), unless the
    document cannot be read that way: web frameworks add a charset of their own to whatever they send.
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


def _document(root: etree._Element, version: ApiVersion) -> Document:
    if name_of(root) != "Response":
        raise TwimlError(12102, f"The root of the document is {shorten(name_of(root))}; it must be Response")
    version = _version(root, version)
    reader = Reader(version)
    for name in root.attrib:
        if name != "version" and not str(name).startswith("{"):
            reader.warn(SCHEMA, f"Response has no attribute {shorten(str(name))}; it is ignored", root)
    verbs = []
    for element in reader.children(root):
        verb = _verb(element, reader)
        if verb is not None:
            verbs.append(verb)
    return Document(tuple(verbs), tuple(reader.warnings), version)


def _version(root: etree._Element, version: ApiVersion) -> ApiVersion:
    named = root.get("version")
    if named is None:
        return version
    try:
        return ApiVersion(named.strip())
    except ValueError:
        known = " or ".join(ApiVersion)
        raise TwimlError(12101, f"There is no TwiML version {shorten(named)}; it is {known}") from None


def _verb(element: etree._Element, reader: Reader) -> Verb | None:
    name = name_of(element)
    verb = RENDERED.get(name)
    since = verb.since if verb is not None else NOT_YET.get(name)
    if since is None:
        reader.warn(SCHEMA, f"there is no verb {shorten(name)}; it is skipped", element)
    elif since > reader.version:
        reader.warn(SCHEMA, f"there is no {name} before {since}; it is skipped", element)
    elif verb is None:
        reader.warn(SCHEMA, f"this version of Ringback does not render {name} yet; it is skipped", element)
    else:
        return verb.read(element, reader)
    return None
