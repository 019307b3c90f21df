"""From what an application answers to a message to the verbs in it.

2008-08-01 clauses 1.6 and 3.1, 2010-04-01 clause 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import SCHEMA
from ringback.twiml.messaging.message import Message, Sms
from ringback.twiml.messaging.redirect import Redirect
from ringback.twiml.messaging.verb import MessagingVerb
from ringback.twiml.reader import DocumentWarning, Reader, name_of, shorten
from ringback.twiml.verbs import NOT_YET, RENDERED
from ringback.twiml.xml import MAX_DOCUMENT, XML_TYPES, TwimlError, charset_of, parse_xml, version_of

VERBS: Mapping[str, type[MessagingVerb]] = {verb.name: verb for verb in (Message, Sms, Redirect)}
"""Verbs by the names of their elements."""

NOT_FOR_MESSAGES = 14110

LONGEST = {ApiVersion.V2008: 160, ApiVersion.V2010: 1600}
"""Characters of a text that comes in place of a document; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class ReplyDocument:
    """What there is to do, in order."""

    verbs: tuple[MessagingVerb, ...] = ()
    warnings: tuple[DocumentWarning, ...] = ()
    version: ApiVersion = ApiVersion.V2010


def read_reply(body: bytes, content_type: str, version: ApiVersion) -> ReplyDocument:
    """Read the answer of an application to a message. `content_type` is the whole field.

    XML is TwiML, plain text is an answer by itself, and an empty body is none. In 2010-04-01 plain text that is TwiML
    counts as TwiML. Raises TwimlError and nothing else.
    """
    kind = content_type.split(";")[0].strip().lower()
    if not body.strip():
        return ReplyDocument(version=version)
    if not kind:
        raise TwimlError(11200, "The answer has no Content-Type; TwiML has text/xml")
    if kind not in (*XML_TYPES, "text/plain"):
        raise TwimlError(12300, f"The content type {shorten(kind)} cannot be rendered: send text/xml or text/plain")
    if len(body) > MAX_DOCUMENT:
        raise TwimlError(11750, f"The document has {len(body)} bytes; {MAX_DOCUMENT} is the limit")
    charset = charset_of(content_type)
    if kind == "text/plain":
        return _plain(body, charset, version)
    return _document(parse_xml(body, charset), version)


def _plain(body: bytes, charset: str | None, version: ApiVersion) -> ReplyDocument:
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
    text = text.replace("\0", "").encode("utf-8", "replace").decode().strip()
    warnings: tuple[DocumentWarning, ...] = ()
    if len(text) > LONGEST[version]:
        warnings = (DocumentWarning(14103, f"the text is cut after {LONGEST[version]} characters", 1),)
        text = text[: LONGEST[version]]
    verb = Sms if version is ApiVersion.V2008 else Message
    return ReplyDocument((verb(body=text),) if text else (), warnings, version)


def _document(root: etree._Element, version: ApiVersion) -> ReplyDocument:
    if name_of(root) != "Response":
        raise TwimlError(12102, f"The root of the document is {shorten(name_of(root))}; it must be Response")
    version = version_of(root, version)
    reader = Reader(version)
    for name in root.attrib:
        if name != "version" and not str(name).startswith("{"):
            reader.warn(SCHEMA, f"Response has no attribute {shorten(str(name))}; it is ignored", root)
    verbs = [verb for element in reader.children(root) if (verb := _verb(element, reader)) is not None]
    return ReplyDocument(tuple(verbs), tuple(reader.warnings), version)


def _verb(element: etree._Element, reader: Reader) -> MessagingVerb | None:
    name = name_of(element)
    verb = VERBS.get(name)
    if verb is None:
        known = name in RENDERED or name in NOT_YET
        code = NOT_FOR_MESSAGES if known else SCHEMA
        told = f"{name} is for calls, not for messages" if known else f"there is no verb {shorten(name)}"
        reader.warn(code, f"{told}; it is skipped", element)
        return None
    if verb.since > reader.version:
        reader.warn(SCHEMA, f"there is no {name} before {verb.since}; it is skipped", element)
        return None
    return verb.read(element, reader)
