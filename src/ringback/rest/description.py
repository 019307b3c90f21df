"""`/docs` and `/openapi.json`: what this server implements, for people and for programs."""

from collections.abc import Iterable
from functools import lru_cache
from html import escape
from typing import Any

from ringback.model.status import ApiVersion
from ringback.rest.openapi import describe
from ringback.rest.render import to_json

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "details{border:1px solid #ccc;border-radius:4px;margin:.4rem 0;padding:.3rem .7rem}summary{cursor:pointer}"
    "code{background:#f3f3f3;padding:.1rem .3rem;border-radius:3px}table{border-collapse:collapse;margin:.5rem 0}"
    "td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}b.m{display:inline-block;width:4.5rem}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}code{background:#2a2a2a}"
    "details{border-color:#444}a{color:#8bf}}"
)


class Description:
    """An ASGI application: `/docs`, `/docs/2008-08-01`, `/openapi.json`, `/openapi/2008-08-01.json`."""

    def __init__(self, versions: Iterable[ApiVersion]) -> None:
        self._versions = [version.value for version in versions]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, kind, body = self._answer(scope["path"].rstrip("/"))
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, path: str) -> tuple[int, bytes, bytes]:
        newest = self._versions[-1] if self._versions else ""
        kind, _, named = path.lstrip("/").partition("/")
        version = named.removesuffix(".json") or newest
        if version in self._versions and kind in ("openapi", "openapi.json", "docs"):
            if kind == "docs":
                return 200, b"text/html; charset=utf-8", _page(version, tuple(self._versions))
            return 200, b"application/json", _description(version)
        return 404, b"text/plain; charset=utf-8", b"Not found\n"


@lru_cache(maxsize=4)
def _description(version: str) -> bytes:
    return to_json(describe(ApiVersion(version)))


@lru_cache(maxsize=4)
def _page(version: str, versions: tuple[str, ...]) -> bytes:
    told = describe(ApiVersion(version))
    links = " · ".join(f'<a href="/docs/{one}">{one}</a>' for one in versions)
    blocks = [
        _block(path, method, operation)
        for path, operations in told["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        f"<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>Ringback REST API {version}</title>"
        f"<style>{_STYLE}</style></head><body><h1>REST API {version}</h1><p>{links} ·"
        f' <a href="/openapi/{version}.json">OpenAPI description</a></p>'
        f"<p>{escape(told['info']['description'])}</p>{''.join(blocks)}</body></html>\n"
    ).encode()


def _block(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        (one["name"], _kind(one["schema"]), "path" if one["in"] == "path" else "query", one.get("description", ""))
        for one in operation["parameters"]
    ]
    body = operation.get("requestBody")
    if body:
        schema = next(iter(body["content"].values()))["schema"]
        needed = schema.get("required", ())
        for name, one in schema["properties"].items():
            rows.append((name, _kind(one), "form, required" if name in needed else "form", one.get("description", "")))
    table = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{where}</td><td>{escape(text)}</td></tr>"
        for name, kind, where, text in rows
    )
    return (
        f'<details><summary><b class="m">{method.upper()}</b><code>{escape(path)}</code></summary>'
        f"<p>{escape(operation['summary'])}</p><table>{table}</table></details>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}, repeated"
    if "enum" in schema:
        return " | ".join(schema["enum"])
    return str(schema.get("format") or schema.get("type"))
