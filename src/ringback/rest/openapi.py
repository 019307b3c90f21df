"""The OpenAPI description of what is implemented, made from the tables of operations."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ringback.model.status import ApiVersion
from ringback.rest.operations import PAGING_2008, PAGING_2010, Operation, variables
from ringback.rest.parameters import Parameter
from ringback.rest.shapes import Shape, nullable
from ringback.rest.versions import TABLES

_SIDS: Final = {
    "AccountSid": "AC", "CallSid": "(CA|[^/]+)", "ConferenceSid": "[^/]+", "QueueSid": "QU", "RecordingSid": "RE",
    "MessageSid": "(SM|MM)",
}  # fmt: skip
ERROR_2010: Final = {
    "type": "object",
    "properties": {
        "code": {"type": ["integer", "null"]},
        "message": {"type": "string"},
        "more_info": {"type": ["string", "null"]},
        "status": {"type": "integer"},
    },
    "required": ["code", "message", "more_info", "status"],
    "additionalProperties": False,
}
_ERRORS: Final = ("400", "401", "403", "404", "405", "409", "413", "415", "429", "500", "503")
_ENVELOPE: Final[Mapping[str, Any]] = {
    "first_page_uri": {"type": "string"},
    "next_page_uri": {"type": ["string", "null"]},
    "previous_page_uri": {"type": ["string", "null"]},
    "uri": {"type": "string"},
    "page": {"type": "integer"},
    "page_size": {"type": "integer"},
    "start": {"type": "integer"},
    "end": {"type": "integer"},
}


def describe(version: ApiVersion, server: str = "/") -> dict[str, Any]:
    """Return the description of one version, OpenAPI 3.1. `server` is the URL that its paths are below."""
    paths: dict[str, dict[str, Any]] = {}
    shapes: dict[str, Shape] = {}
    for operation in TABLES[version]:
        path = f"/{version.value}{operation.path}.json"
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, version, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Ringback REST API {version.value}",
            "version": version.value,
            "description": "What this server implements. Besides `.json`, each path answers to `.xml` and `.csv`"
            + (", and `.html`" if version is ApiVersion.V2008 else "")
            + "; without a suffix it is XML.",
        },
        "servers": [{"url": server}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {
                    "type": "http", "scheme": "basic",
                    "description": "Account sid and Auth Token, or the sid of an API key and its secret.",
                }
            },
            "schemas": {"Error": _error(version)}
            | {name: _resource(shape, version) for name, shape in shapes.items()},
        },
    }  # fmt: skip


def _operation(operation: Operation, version: ApiVersion, shapes: dict[str, Shape]) -> dict[str, Any]:
    written: dict[str, Any] = {"operationId": operation.name, "summary": _first(operation.handle.__doc__)}
    written["parameters"] = [_path_parameter(name) for name in variables(operation.path)]
    shown = tuple(operation.parameters)
    if operation.method == "POST":
        if shown:
            written["requestBody"] = _form(shown)
    else:
        paging = PAGING_2008 if version is ApiVersion.V2008 else PAGING_2010
        for one in (*shown, *(paging if operation.listed and operation.paged else ())):
            written["parameters"] += [_query(one, sign) for sign in (("", "<", ">") if one.kind == "date" else ("",))]
    if operation.public:
        written["security"] = [{"basic": []}, {}]
    written["responses"] = _responses(operation, version, shapes)
    return written


def _responses(operation: Operation, version: ApiVersion, shapes: dict[str, Shape]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses: dict[str, Any] = {
        status: {"description": "The request is refused.", "content": error} for status in _ERRORS
    }
    if operation.shape is None or operation.status == 204:
        # What never exists has nothing but errors.
        if operation.status == 204:
            responses["204"] = {"description": "Done; there is nothing to tell."}
        return responses
    name = _name(operation.shape, shapes)
    reference = {"$ref": f"#/components/schemas/{name}"}
    schema = _page(operation, version, reference) if operation.listed else _one(version, reference)
    content = {"application/json": {"schema": schema}}
    responses[str(operation.status)] = {"description": "The answer.", "content": content}
    return responses


def _name(shape: Shape, shapes: dict[str, Shape]) -> str:
    """The name of a shape; shapes that share the name of a resource are told apart by a number."""
    name, number = shape.name, 1
    while shapes.get(name, shape) is not shape:
        number += 1
        name = f"{shape.name}{number}"
    shapes[name] = shape
    return name


def _resource(shape: Shape, version: ApiVersion) -> dict[str, Any]:
    if version is ApiVersion.V2010:
        return shape.schema()
    text = nullable({"type": "string"})
    return {
        "type": "object",
        "properties": {one.tag: text for one in shape.fields},
        "required": [one.tag for one in shape.fields],
        "additionalProperties": False,
        "x-name": shape.name,
    }


def _one(version: ApiVersion, reference: Mapping[str, Any]) -> dict[str, Any]:
    if version is ApiVersion.V2010:
        return dict(reference)
    return _object({"TwilioResponse": {"type": "object", "additionalProperties": reference}})


def _page(operation: Operation, version: ApiVersion, reference: Mapping[str, Any]) -> dict[str, Any]:
    assert operation.shape is not None
    if version is ApiVersion.V2008:
        items = {"type": "array", "items": {"type": "object", "additionalProperties": reference}}
        inner = {"type": "object", "properties": {operation.shape.plural: items}, "required": [operation.shape.plural]}
        return _object({"TwilioResponse": inner})
    listed = {operation.shape.key: {"type": "array", "items": dict(reference)}}
    if not operation.paged:
        return _object({**listed, "uri": {"type": "string"}})
    return _object({**_ENVELOPE, **listed})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


def _error(version: ApiVersion) -> dict[str, Any]:
    if version is ApiVersion.V2010:
        return dict(ERROR_2010)
    text = {"type": "string"}
    exception = {
        "type": "object",
        "properties": {"Status": text, "Message": text, "Code": text, "MoreInfo": text},
        "required": ["Status", "Message"],
        "additionalProperties": False,
    }
    return _object({"TwilioResponse": _object({"RestException": exception})})


def _path_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    prefix = _SIDS.get(name)
    if prefix is not None and prefix.isupper():
        schema["pattern"] = f"^{prefix}[0-9a-fA-F]{{32}}$"
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(parameter: Parameter, sign: str) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": parameter.name + sign, "in": "query", "required": False, "schema": parameter.schema(),
    }  # fmt: skip
    if parameter.description:
        written["description"] = parameter.description
    return written


def _form(parameters: Iterable[Parameter]) -> dict[str, Any]:
    properties = {}
    for one in parameters:
        schema = one.schema()
        properties[one.name] = {**schema, "description": one.description} if one.description else schema
    required = [one.name for one in parameters if one.required is not None]
    schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


def _first(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
