"""Replies: an answer, an error, in the format and the version of its request."""

from dataclasses import dataclass
from typing import Any, Final

from ringback.model.status import ApiVersion
from ringback.rest import render
from ringback.rest.errors import MORE_INFO_2008, MORE_INFO_2010, RestError
from ringback.rest.operations import Listed, Media, Request
from ringback.rest.paging import attributes_2008, uris_2010
from ringback.rest.shapes import Shape

FORMATS: Final = {
    ApiVersion.V2008: ("xml", "json", "csv", "html"),
    ApiVersion.V2010: ("xml", "json", "csv"),
}
SUFFIXES: Final = frozenset({"json", "xml", "csv", "html", "wav", "mp3", "txt"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    status: int
    body: bytes
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def reply(request: Request, answer: Any, path: str) -> Reply:
    """Write an answer. `path` is that of the request, without a suffix."""
    operation, kind = request.operation, request.suffix or "xml"
    if isinstance(answer, Media):
        return Reply(operation.status, answer.body, answer.content_type, answer.headers)
    if answer is None or operation.shape is None:
        return Reply(204, b"")
    if request.version is ApiVersion.V2008:
        body = _body_2008(request, answer, kind, path, operation.shape)
    else:
        body = _body_2010(request, answer, kind, path, operation.shape)
    headers: tuple[tuple[str, str], ...] = ()
    if operation.status == 201 and request.version is ApiVersion.V2008 and hasattr(answer, "sid"):
        headers = (("location", f"{request.base}{path}/{answer.sid}"),)
    return Reply(operation.status, body, render.CONTENT_TYPES[kind], headers)


def error(raised: RestError, version: ApiVersion, kind: str) -> Reply:
    """Write an error."""
    status, code = raised.http_status, raised.code
    headers: tuple[tuple[str, str], ...] = ()
    if status == 401:
        headers = (("www-authenticate", 'Basic realm="Twilio API"'),)
    elif status == 429:
        headers = (("retry-after", "1"),)
    if version is ApiVersion.V2008:
        body, kind = _error_2008(raised, kind)
        return Reply(status, body, render.CONTENT_TYPES[kind], headers)
    more_info = MORE_INFO_2010.format(code=code) if code else None
    if kind == "json":
        told = {"code": code, "message": raised.message, "more_info": more_info, "status": status}
        return Reply(status, render.to_json(told), render.CONTENT_TYPES["json"], headers)
    inner = "".join(
        render.element(tag, value)
        for tag, value in (("Status", status), ("Message", raised.message), ("Code", code), ("MoreInfo", more_info))
    )
    document = render.xml_document(f"<RestException>{inner}</RestException>")
    return Reply(status, document, render.CONTENT_TYPES["xml"], headers)


def _body_2010(request: Request, answer: Any, kind: str, path: str, shape: Shape) -> bytes:
    if not isinstance(answer, Listed):
        if kind == "json":
            return render.to_json(render.json_2010(shape, answer, request.base))
        if kind == "csv":
            return render.csv_rows(shape, [answer])
        return render.xml_document(render.xml_resource(shape, answer))
    if kind == "csv":
        return render.csv_rows(shape, answer.items)
    if not request.operation.paged:
        if kind == "json":
            items = [render.json_2010(shape, item, request.base) for item in answer.items]
            return render.to_json({shape.key: items, "uri": f"{path}.json"})
        return render.xml_document(render.xml_list(shape, answer.items, {"uri": path}))
    told = uris_2010(request, path, answer)
    if kind == "json":
        envelope = {
            name: f"{value[0]}.json?{value[1]}" if isinstance(value, tuple) else value for name, value in told.items()
        }
        envelope[shape.key] = [render.json_2010(shape, item, request.base) for item in answer.items]
        return render.to_json(envelope)
    attributes = {
        name.replace("_", ""): ""
        if value is None
        else f"{value[0]}?{value[1]}"
        if isinstance(value, tuple)
        else str(value)
        for name, value in told.items()
    }
    return render.xml_document(render.xml_list(shape, answer.items, attributes))


def _body_2008(request: Request, answer: Any, kind: str, path: str, shape: Shape) -> bytes:
    listed = isinstance(answer, Listed)
    items = answer.items if listed else [answer]
    if kind == "csv":
        return render.csv_rows(shape, items)
    if kind == "html":
        return render.html_2008(request.operation.status, shape, items)
    told = attributes_2008(request, path, answer) if listed else {}
    if kind == "json":
        resources = [render.json_2008(shape, item) for item in items]
        inner: dict[str, Any] = {shape.plural: resources, **told} if listed else resources[0]
        return render.to_json({"TwilioResponse": inner})
    if listed:
        return render.xml_document(render.xml_list(shape, items, told))
    return render.xml_document(render.xml_resource(shape, answer))


def _error_2008(raised: RestError, kind: str) -> tuple[bytes, str]:
    fields: list[tuple[str, Any]] = [("Status", raised.http_status), ("Message", raised.message)]
    # Code and MoreInfo are on 400s only (clause 4.2).
    if raised.code and raised.http_status == 400:
        fields += [("Code", raised.code), ("MoreInfo", MORE_INFO_2008.format(code=raised.code))]
    if kind == "json":
        values = {name: str(value) for name, value in fields}
        return render.to_json({"TwilioResponse": {"RestException": values}}), "json"
    if kind == "html":
        return render.html_page(raised.http_status, render.html_elements("RestException", fields)), "html"
    inner = "".join(render.element(name, value) for name, value in fields)
    return render.xml_document(f"<RestException>{inner}</RestException>"), "xml"
