"""The reference of all settings, made from their definitions: `python -m ringback.app.settings_docs` prints it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import TypeAdapter

from ringback.app.settings import SettingInfo, catalogue, sections
from ringback.app.trunk_settings import SECRETS, TrunkSettings

_INTRODUCTION = """\
<!-- Made by `python -m ringback.app.settings_docs > docs/reference/settings.md`. A test holds it up to date. -->

# Settings

Every setting has a default, so Ringback starts without any. To change one, write a file `ringback.toml` in the
directory that you start Ringback in:

```toml
[sip]
port = 5070
allow = ["127.0.0.0/8", "10.0.0.0/8"]

[log]
level = "debug"
```

or set a variable of the environment, which is stronger than the file: `RINGBACK_`, the section, two underscores, the
name, all in capitals. Lists are separated by commas there. An empty variable counts as none.

```sh
RINGBACK_SIP__PORT=5070 RINGBACK_SIP__ALLOW=127.0.0.0/8,10.0.0.0/8 ringback serve
```

`ringback --config FILE` reads another file, and so does the variable `RINGBACK_CONFIG`. `ringback config` shows every
setting in force and where it comes from. Whatever cannot be used is refused at the start, with the file, the line and
what was expected.

The database holds the auth tokens of accounts, and other secrets, encrypted with the key in `secret.key` in
`storage.directory`: a copy of the database alone opens none of them. Ringback creates the directory and what is in it
for their owner alone; keep it so, back the key up with the database, and treat the two together like passwords.
"""


def render() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    settings = catalogue()
    for name, model in sections().items():
        yield f"## `[{name}]`\n\n{model.__doc__}\n"
        yield "| Setting | Value | Default | Meaning |\n|---|---|---|---|"
        for setting in settings:
            if setting.section == name:
                default = f"`{as_toml(setting)}`" if setting.default is not None else "not set"
                yield f"| `{setting.name}` | {expected(setting)} | {default} | {setting.description} |"
        yield ""
    yield from _trunks()


def _trunks() -> Iterator[str]:
    yield (
        "## `[trunks.NAME]`\n\nLines to other telephone networks, a table each; `NAME` is any word."
        " [How to connect a trunk](../how-to/trunks.md) has examples. Those that `ringback trunks add` keeps in the"
        " database have the same settings. In the environment the password of `[trunks.carrier]` is"
        " `RINGBACK_TRUNKS__CARRIER__PASSWORD`.\n"
    )
    yield "| Setting | Value | Default | Meaning |\n|---|---|---|---|"
    for name, field in TrunkSettings.model_fields.items():
        setting = SettingInfo(
            "trunks", name, Annotated[field.annotation, field], field.default, field.description or ""
        )
        default = "not set" if name in SECRETS else f"`{as_toml(setting)}`"
        yield f"| `{name}` | {_of_trunk(name, setting)} | {default} | {setting.description} |"
    yield ""


def _of_trunk(name: str, setting: SettingInfo) -> str:
    if name in SECRETS:
        return "text"
    return "list of SIP addresses" if name == "gateways" else expected(setting)


def as_toml(setting: SettingInfo, value: Any = ...) -> str:
    """Write a value of a setting, or its default, as the file has it. Secrets are hidden."""
    value = setting.default if value is ... else value
    adapter: TypeAdapter[Any] = TypeAdapter(setting.annotation)
    return json.dumps(adapter.dump_python(value, mode="json"), ensure_ascii=False)


def expected(setting: SettingInfo) -> str:
    """Say in a few words what a setting takes."""
    annotation = get_args(setting.annotation)[0]
    schema: dict[str, Any] = TypeAdapter(setting.annotation).json_schema(mode="serialization")
    return _words(annotation, schema)


def _words(annotation: Any, schema: dict[str, Any]) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is tuple:
        return _words_of_list(get_args(annotation)[0])
    if "anyOf" in schema:
        # The alternatives of a union; "or none" goes without saying.
        return ", or ".join(
            _words(kind, part)
            for kind, part in zip(get_args(annotation), schema["anyOf"], strict=True)
            if part.get("type") != "null"
        )
    if schema.get("format") == "ip":
        return "IP address"
    if annotation is Path:
        return "path"
    kinds = {"boolean": "`true` or `false`", "integer": "whole number", "number": "number", "string": "text"}
    return kinds[schema["type"]] + _range(schema)


def _words_of_list(kind: Any) -> str:
    """Say what a list holds, after the type of its items."""
    if get_origin(kind) is Literal:
        return "list of " + ", ".join(f"`{value}`" for value in get_args(kind))
    bare = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return {str: "list of texts"}.get(bare, "list of address ranges")


def _range(schema: dict[str, Any]) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    if low is None:
        return ""
    above = "above " if "exclusiveMinimum" in schema else ""
    return f", {above}{low} to {schema['maximum']}"


if __name__ == "__main__":
    print(render(), end="")
