"""Reads settings from a TOML file and from the environment, and says exactly what is wrong with them and where.

Values of the file must have the right type (`port = "5060"` is a mistake that someone wants to hear of); those of the
environment are text, and are read as what the setting needs.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ringback.app.errors import SettingsError
from ringback.app.settings import Loaded, SettingInfo, Settings, catalogue, sections
from ringback.app.trunk_settings import is_trunk_variable, read_trunks, trunk_tables

FILE_NAME = "ringback.toml"
_PREFIX = "RINGBACK_"
_LARGEST_FILE = 1_000_000
"""Bytes. Settings are a page of text; a file this long is some other file."""

_Tables = dict[str, dict[str, Any]]


def load(config: Path | None, env: Mapping[str, str]) -> Loaded:
    """See `Settings.load`."""
    file = _find(config, env)
    text = _read(file) if file else ""
    known = {setting.key: setting for setting in catalogue()}
    problems: list[str] = []
    merged: _Tables = {section: {} for section in sections()}
    sources = dict.fromkeys(known, "default")
    if file:
        for key, value in _from_file(file, text, known, problems).items():
            section, name = key.split(".")
            merged[section][name] = value
            sources[key] = str(file)
    for key, (variable, value) in _from_environment(env, known, problems).items():
        section, name = key.split(".")
        merged[section][name] = value
        sources[key] = f"environment {variable}"
    trunks = read_trunks(trunk_tables(text), env, problems, where=str(file))
    settings = _validate(merged, sources, file, text, problems)
    if problems or settings is None:
        raise SettingsError(problems)
    settings = _with_paths(settings, sources, file, env).model_copy(update={"trunks": trunks})
    return Loaded(settings, sources, file)


def _find(config: Path | None, env: Mapping[str, str]) -> Path | None:
    if config is not None:
        return config
    if named := env.get(_PREFIX + "CONFIG"):
        return Path(named)
    default = Path(FILE_NAME)
    return default if default.exists() else None


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise SettingsError([f"{file}: this file is longer than {_LARGEST_FILE} bytes; is it the right one?"])
        return content.decode()
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file}: this file is not UTF-8 text: {error.reason} at byte {error.start}"]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError([f"{file}: this settings file cannot be read: {reason}"]) from error


def _from_file(file: Path, text: str, known: Mapping[str, SettingInfo], problems: list[str]) -> dict[str, Any]:
    """Return the values of the known settings in a file by their keys, and note what is wrong with the others."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError([f"{file}: this is not TOML: {str(error) or 'nested too deeply'}"]) from error
    values: dict[str, Any] = {}
    for section, table in tables.items():
        if section == "trunks" and isinstance(table, dict):
            continue  # read by `read_trunks`
        if section not in sections():
            line = _line(text, section, None)
            problems.append(f"{file}{line}: there is no section {_quoted(section)}{_did_you_mean(section, known)}")
        elif not isinstance(table, dict):
            line = _line(text, section, None)
            problems.append(f"{file}{line}: {section} should be a table: [{section}] and a line for each setting")
        else:
            for name, value in table.items():
                key = f"{section}.{name}"
                if key in known:
                    values[key] = value
                    continue
                line = _line(text, section, name)
                problems.append(f"{file}{line}: there is no setting {_quoted(key)}{_did_you_mean(key, known)}")
    return values


def _from_environment(
    env: Mapping[str, str], known: Mapping[str, SettingInfo], problems: list[str]
) -> dict[str, tuple[str, Any]]:
    """Return the variables of the known settings, read as what they need, and note what is wrong with the others."""
    by_variable = {setting.variable: setting for setting in known.values()}
    values: dict[str, tuple[str, Any]] = {}
    for variable, text in sorted(env.items()):
        # Only names with two underscores are ours. Kubernetes sets RINGBACK_PORT and the like by itself for a service
        # of that name. An empty variable is as good as none: that is how compose files and shells switch one off.
        if not (variable.startswith(_PREFIX) and "__" in variable and text) or is_trunk_variable(variable):
            continue
        setting = by_variable.get(variable)
        if setting is None:
            close = get_close_matches(variable, by_variable, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            problems.append(f"environment {variable}: there is no such setting{hint}")
            continue
        if not text.isprintable():
            problems.append(f"environment {variable}: {setting.key} should be printable text, not {_quoted(text)}")
            continue
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(setting.annotation)
            value = adapter.validate_python(_items(text)) if _is_list(setting) else adapter.validate_strings(text)
            values[setting.key] = (variable, adapter.dump_python(value, mode="json"))
        except ValidationError as error:
            expected = _expected(error.errors(include_url=False), depth=0)
            problems.append(f"environment {variable}: {setting.key} {expected}, not {_quoted(text)}")
    return values


def _is_list(setting: SettingInfo) -> bool:
    return get_origin(get_args(setting.annotation)[0]) is tuple


def _items(text: str) -> list[str]:
    """Read a list: `a, b` or, as in the file, `["a", "b"]`."""
    return [item.strip(" \t[]\"'") for item in text.split(",") if item.strip(" \t[]\"'")]


def _validate(
    merged: _Tables, sources: Mapping[str, str], file: Path | None, text: str, problems: list[str]
) -> Settings | None:
    try:
        # By way of JSON, a strict check takes a list for a tuple and a text for a path, but no text for a number.
        return Settings.model_validate_json(json.dumps(merged, default=str), strict=True)
    except ValidationError as error:
        by_key: dict[tuple[str, str], list[ErrorDetails]] = {}
        for details in error.errors(include_url=False):
            section, name = (str(part) for part in details["loc"][:2])
            by_key.setdefault((section, name), []).append(details)
        for (section, name), errors in by_key.items():
            key = f"{section}.{name}"
            line = _line(text, section, name) if sources[key] == str(file) else ""
            value = _shown(merged[section].get(name))
            problems.append(f"{sources[key]}{line}: {key} {_expected(errors, depth=2)}, not {value}")
    except (ValueError, RecursionError) as error:
        problems.append(f"{file}: this file holds a value that no setting takes: {error}")
    return None


def _expected(errors: list[ErrorDetails], depth: int) -> str:
    """Say what a setting should be, after the errors of one value, which is `depth` names deep in what was checked.

    A setting that takes one of several types has an error for each. A list has them by item; the first is enough.
    """
    first, *others = errors
    message = _message(first)
    if len(first["loc"]) > depth and isinstance(first["loc"][depth], str):
        message = " or ".join([message, *(_message(other).removeprefix("should be ") for other in others)])
    return message


def _message(details: ErrorDetails) -> str:
    if details["type"] == "string_pattern_mismatch":
        return f"should match {details['ctx']['pattern']}"
    message = re.sub("^(Value error, |Input |String )", "", details["msg"]).partition(", unable to")[0]
    return message if message.startswith("should") else f"should be different: {message}"


def _with_paths(settings: Settings, sources: Mapping[str, str], file: Path | None, env: Mapping[str, str]) -> Settings:
    """Make every path absolute: a relative one belongs to the file that names it, or to the working directory."""
    changed = {}
    for section, model in settings:
        paths = {name: value for name, value in model if isinstance(value, Path)}
        absolute = {name: _absolute(f"{section}.{name}", path, sources, file, env) for name, path in paths.items()}
        if absolute:
            changed[section] = model.model_copy(update=absolute)
    return settings.model_copy(update=changed)


def _absolute(key: str, given: Path, sources: Mapping[str, str], file: Path | None, env: Mapping[str, str]) -> Path:
    source, data_home = sources[key], env.get("XDG_DATA_HOME", "")
    # The XDG base directory specification says to ignore a relative one.
    if key == "storage.directory" and source == "default" and data_home.startswith("/"):
        given = Path(data_home) / "ringback"
    if str(given).startswith("~/") or str(given) == "~":
        given = Path(env.get("HOME") or Path.home()) / given.relative_to("~")
    if file is not None and source == str(file):
        given = file.parent / given
    return given.absolute()


def _line(text: str, section: str, name: str | None) -> str:
    """Say on which line of a TOML file a setting is, as `:12`; nothing where that is not to be seen.

    TOML has more ways to write a key than are looked for here; the usual ones are.
    """
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[{1,2}\s*[\"']?([^\]\"']*?)[\"']?\s*\]", line):
            table = header[1]
            if name is None and table.partition(".")[0] == section:
                return f":{number}"
            continue
        key = re.match(r"\s*([^=#]+?)\s*=", line)
        full = ".".join(part for part in (table, re.sub(r"[\"'\s]", "", key[1]) if key else "") if part)
        if key and full in (section, f"{section}.{name}"):
            return f":{number}"
    return ""


def _did_you_mean(wrong: str, known: Mapping[str, SettingInfo]) -> str:
    """Name the closest setting or section, by its whole name or, if it is in the wrong section, by the last part."""
    names = [*known, *sections()]
    close = get_close_matches(wrong, names, 1, 0.75 if "." in wrong else 0.6)
    if not close:
        by_name = {setting.name: key for key, setting in known.items()}
        close = [by_name[name] for name in get_close_matches(wrong.rpartition(".")[2], by_name, 1, 0.75)]
    if not close:
        section = wrong.partition(".")[0]
        inside = [setting.name for setting in known.values() if setting.section == section]
        choice = f"[{section}] has {', '.join(inside)}" if inside else f"the sections are {', '.join(sections())}"
        return f"; {choice}"
    return f"; did you mean {close[0]}?"


def _quoted(text: str) -> str:
    return _shown(text[:100])


def _shown(value: object) -> str:
    # What a terminal would obey is written as an escape.
    text = json.dumps(value, default=str, ensure_ascii=False)
    return (text if text.isprintable() else json.dumps(value, default=str))[:100]
