"""From what an application sent to a document: verbs with typed attributes, and warnings.

Whatever the bytes are, reading them ends in a Document or in TwimlError. 2008-08-01 clauses 1.6 and 2.1, 2010-04-01
clause 1.
"""

from dataclasses import dataclass
from typing import Final

from lxml import etree

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
from ringback.twiml.xml import MAX_DOCUMENT, XML_TYPES, TwimlError, charset_of, parse_xml, version_of

_LATER_VERB: Final = 13750


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
    charset = charset_of(content_type)
    if kind == "text/plain":
        return _plain(body, charset, version)
    return _document(parse_xml(body, charset), version)


def _plain(body: bytes, charset: str | None, version: ApiVersion) -> Document:
    if version is not ApiVersion.V2008:
        try:
            root = parse_xml(body, charset)
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


def _document(root: etree._Element, version: ApiVersion) -> Document:
    if name_of(root) != "Response":
        raise TwimlError(12102, f"The root of the document is {shorten(name_of(root))}; it must be Response")
    version = version_of(root, version)
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


def _verb(element: etree._Element, reader: Reader) -> Verb | None:
    name = name_of(element)
    verb = RENDERED.get(name)
    since = verb.since if verb is not None else NOT_YET.get(name)
    if since is None:
        reader.warn(SCHEMA, f"there is no verb {shorten(name)}; it is skipped", element)
    elif since > reader.version:
        reader.warn(_LATER_VERB, f"there is no {name} before {since}; it is skipped", element)
    elif verb is None:
        reader.warn(SCHEMA, f"this version of Ringback does not render {name} yet; it is skipped", element)
    else:
        return verb.read(element, reader)
    return None
