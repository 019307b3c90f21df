"""Reading settings from a file and the environment, and what is said when they are wrong."""

import os
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.app.settings import Loaded, Settings, catalogue, sections
from ringback.app.settings_sources import SettingsError, load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No ringback.toml but that of the test."""
    monkeypatch.chdir(tmp_path)
    yield


def written(text: str, name: str = "ringback.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def problems(text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(written(text), env or {})
    return raised.value.problems


def test_the_defaults_are_enough() -> None:
    loaded = load(None, {"HOME": "/users/me"})
    assert loaded.settings.sip == Settings().sip
    assert set(loaded.sources.values()) == {"default"}
    assert set(loaded.sources) == {setting.key for setting in catalogue()}
    assert loaded.file is None


def test_the_file_here_is_read_and_the_environment_is_stronger() -> None:
    written('[sip]\nport = 5070\nudp = false\nallow = ["10.0.0.0/8"]\n[media]\nworkers = "auto"\nrtp_timeout = 30\n')
    loaded = load(None, {"RINGBACK_SIP__PORT": "5080"})
    sip, media = loaded.settings.sip, loaded.settings.media
    assert (sip.port, sip.udp, sip.allow) == (5080, False, (ip_network("10.0.0.0/8"),))
    assert (media.workers, media.rtp_timeout) == ("auto", 30)
    assert loaded.file == Path("ringback.toml")
    named = {key: source for key, source in loaded.sources.items() if source != "default"}
    assert named == {
        "sip.port": "environment RINGBACK_SIP__PORT",
        "sip.udp": "ringback.toml",
        "sip.allow": "ringback.toml",
        "media.workers": "ringback.toml",
        "media.rtp_timeout": "ringback.toml",
    }


def test_which_file_is_read() -> None:
    """The option, then the variable, then the file of the usual name."""
    written("[sip]\nport = 1\n")
    written("[sip]\nport = 2\n", "two.toml")
    written("[sip]\nport = 3\n", "three.toml")
    env = {"RINGBACK_CONFIG": "two.toml"}
    assert load(None, {}).settings.sip.port == 1
    assert load(None, env).settings.sip.port == 2
    assert load(Path("three.toml"), env).settings.sip.port == 3


@pytest.mark.parametrize("env", [{}, {"RINGBACK_CONFIG": "missing.toml"}])
def test_a_file_that_is_named_must_be_there(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="missing.toml: this settings file cannot be read: No such file"):
        load(None if env else Path("missing.toml"), env)


def test_a_directory_is_no_file() -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load(Path(), {})


def test_a_path_that_cannot_be() -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(Path("a\0b"), {})


def test_some_other_file() -> None:
    Path("binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8 text: invalid start byte at byte 0"):
        load(Path("binary"), {})
    Path("large").write_bytes(b"#" * 1_000_001)
    with pytest.raises(SettingsError, match="large: this file is longer than"):
        load(Path("large"), {})


@pytest.mark.parametrize(
    "text", ["[sip", "port 5", "[sip]\nport = 1\nport = 2", "a = " + "[" * 5000, "a=" + "9" * 5000]
)
def test_what_is_not_toml(text: str) -> None:
    [problem] = problems(text)
    assert problem.startswith("ringback.toml: this is not TOML: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n[sip]\nprot = 1", ':3: there is no setting "sip.prot"; did you mean sip.port?'),
        ("[spi]\nport = 1", ':1: there is no section "spi"; did you mean sip?'),
        ("[sip]\nmax_duration = 1", ':2: there is no setting "sip.max_duration"; did you mean calls.max_duration?'),
        ("port = 1", ':1: there is no section "port"; did you mean sip.port?'),
        ("sip = 1", ":1: sip should be a table: [sip] and a line for each setting"),
        ("[[sip]]\nport = 1", ":1: sip should be a table: [sip] and a line for each setting"),
        ('[log]\nzzz = "\\u001b[31m"', ':2: there is no setting "log.zzz"; [log] has level, format'),
        ('["\\u001b"]\na = 1', ': there is no section "\\u001b"; the sections are sip, media'),
        ('[sip]\nport = "5070"', ':2: sip.port should be a valid integer, not "5070"'),
        ("[sip]\nport = true", ":2: sip.port should be a valid integer, not true"),
        ("[sip]\nport = 70000", ":2: sip.port should be less than or equal to 65535, not 70000"),
        ("[sip]\nudp = 1", ":2: sip.udp should be a valid boolean, not 1"),
        ("[sip]\nhost = 'here'", ':2: sip.host should be an IP address such as "192.0.2.1", not "here"'),
        (
            "[sip]\nallow = ['lan', 7]",
            ":2: sip.allow should be an address range such as \"10.0.0.0/8\" ('lan' does not",
        ),
        ("[sip]\nallow = '10.0.0.0/8'", ':2: sip.allow should be a valid array, not "10.0.0.0/8"'),
        ("[sip]\nudp = false\ntcp = false", ":3: sip.tcp should be true where udp is false"),
        ("media.port_min = 30001", ":1: media.port_min should be even: RTP has the even ports"),
        ("media = { port_max = 2000 }", ":1: media.port_max should not be less than media.port_min, which is 20000"),
        ("[media]\nworkers = 'many'", ":2: media.workers should be a valid integer or 'auto', not \"many\""),
        ("[media]\nrtp_timeout = inf", ":2: media.rtp_timeout should be a finite number, not Infinity"),
        ("[media]\nrtp_timeout = 1979-05-27", ':2: media.rtp_timeout should be a valid number, not "1979-05-27"'),
        ("[storage]\ndirectory = 7", ":2: storage.directory should be a valid string, not 7"),
        ("[calls]\ndefault_region = 'us'", ':2: calls.default_region should match ^[A-Z]{2}$, not "us"'),
        ("[log]\nlevel = 'loud'", ":2: log.level should be 'debug', 'info', 'warning' or 'error', not \"loud\""),
        ("# [log]\n['log'] # here\n'level' = 0 # = 1", ":3: log.level should be"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, problem: str) -> None:
    """The file, the line, what was expected, and the nearest thing that there is."""
    [told] = problems(text)
    assert told.startswith(f"ringback.toml{problem}")


def test_a_number_beyond_all_bounds() -> None:
    """TOML takes it, JSON does not."""
    [told] = problems(f"[sip]\nport = 0x{'f' * 5000}")
    assert told.startswith("ringback.toml: this file holds a value that no setting takes")


def test_a_long_value_is_not_repeated_at_length() -> None:
    [told] = problems(f'[sip]\nport = "{"1" * 10_000}"')
    assert len(told) < 200


def test_all_problems_are_told_at_once() -> None:
    told = problems("[sip]\nport = -1\nprot = 1\n[log]\nlevel = 'loud'", {"RINGBACK_SIP__TCP": "maybe"})
    assert len(told) == 4


def test_the_environment_is_text_for_every_type() -> None:
    env = {
        "RINGBACK_SIP__UDP": "no",
        "RINGBACK_SIP__ALLOW": "10.0.0.0/8, ::1",
        "RINGBACK_WEBHOOKS__ALLOW_PRIVATE": '["192.168.0.0/16"]',
        "RINGBACK_MEDIA__WORKERS": "4",
        "RINGBACK_MEDIA__RTP_TIMEOUT": "2.5",
        "RINGBACK_MEDIA__ADVERTISED_ADDRESS": "192.0.2.1",
        "RINGBACK_SPEECH__DEFAULT_VOICE": "woman",
        "RINGBACK_LOG__LEVEL": "debug",
        "RINGBACK_SIP__HOST": "",
        "RINGBACK_PORT": "tcp://10.0.0.1:5060",
        "RINGBACK_HOME": "x",
    }
    settings = load(None, env).settings
    assert settings.sip.udp is False
    assert settings.sip.allow == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.webhooks.allow_private == (ip_network("192.168.0.0/16"),)
    assert settings.media.workers == 4
    assert settings.media.rtp_timeout == 2.5
    assert settings.media.advertised_address == "192.0.2.1"
    assert settings.speech.default_voice == "woman"
    assert settings.log.level == "debug"
    assert settings.sip.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("RINGBACK_SIP__PROT", "1", "there is no such setting; did you mean RINGBACK_SIP__PORT?"),
        ("RINGBACK_X__Y", "1", "there is no such setting"),
        ("RINGBACK_SIP__PORT", "many", 'sip.port should be a valid integer, not "many"'),
        ("RINGBACK_SIP__PORT", "-1", 'sip.port should be greater than or equal to 0, not "-1"'),
        ("RINGBACK_SIP__TCP", "maybe", 'sip.tcp should be a valid boolean, not "maybe"'),
        ("RINGBACK_SIP__ALLOW", "::1, lan", "sip.allow should be an address range such as \"10.0.0.0/8\" ('lan' does"),
        ("RINGBACK_MEDIA__WORKERS", "few", "media.workers should be a valid integer or 'auto', not \"few\""),
        ("RINGBACK_MEDIA__PORT_MAX", "29999", "media.port_max should be even"),
        ("RINGBACK_STORAGE__DIRECTORY", " ", "storage.directory should be the path of a directory"),
        ("RINGBACK_SPEECH__LANGUAGE", "\udcff", 'speech.language should be printable text, not "\\udcff"'),
        ("RINGBACK_STORAGE__DIRECTORY", "/\x1b[31m", "storage.directory should be printable text"),
        ("RINGBACK_SPEECH__DEFAULT_VOICE", "x" * 101, "speech.default_voice should have at most 100 characters"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variable: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(None, {variable: value})
    [told] = raised.value.problems
    assert told.startswith(f"environment {variable}: {problem}")


@pytest.mark.parametrize(
    ("text", "env", "directory"),
    [
        ("", {"HOME": "/users/me"}, "/users/me/.local/share/ringback"),
        ("", {"HOME": "/users/me", "XDG_DATA_HOME": "/data"}, "/data/ringback"),
        ("", {"HOME": "/users/me", "XDG_DATA_HOME": "data"}, "/users/me/.local/share/ringback"),
        ("storage.directory = '~/calls'", {"HOME": "/users/me", "XDG_DATA_HOME": "/data"}, "/users/me/calls"),
        ("storage.directory = '~'", {"HOME": "/users/me"}, "/users/me"),
        ("storage.directory = '/srv'", {}, "/srv"),
        ("storage.directory = 'data'", {}, "{here}/etc/data"),
        ("storage.directory = '/srv'", {"RINGBACK_STORAGE__DIRECTORY": "data"}, "{here}/data"),
    ],
)
def test_where_things_are_kept(text: str, env: dict[str, str], directory: str, tmp_path: Path) -> None:
    """A relative directory belongs to the file that names it, or to the working directory."""
    Path("etc").mkdir()
    loaded = load(written(text, "etc/ringback.toml"), env)
    assert str(loaded.settings.storage.directory) == directory.format(here=tmp_path)


def test_other_paths_are_made_absolute_too(tmp_path: Path) -> None:
    Path("etc").mkdir()
    loaded = load(written('[webhooks]\nca_file = "ca.pem"', "etc/ringback.toml"), {})
    assert loaded.settings.webhooks.ca_file == tmp_path / "etc" / "ca.pem"
    assert load(None, {"RINGBACK_WEBHOOKS__CA_FILE": "ca.pem"}).settings.webhooks.ca_file == tmp_path / "ca.pem"


def read(text: str) -> Loaded | None:
    """Read a file of that text; whatever it is, nothing but SettingsError may come of it."""
    file = Path("fuzz.toml")
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(SettingsError):
        return load(file, {})
    return None


_NAMES = st.sampled_from([*sections(), *(setting.name for setting in catalogue()), "x", "", "a.b", '"'])
_VALUES = st.sampled_from(
    [
        *(
            "1",
            "-1",
            "5060",
            "true",
            '""',
            '"auto"',
            "[]",
            "[[]]",
            "{}",
            "{a=1}",
            "inf",
            "nan",
            "1e999",
            "07:32:00",
            "0x7f",
        ),
        *("1979-05-27T07:32:00Z", '"\\u0000"', '"~x"', '"~/"', "'''\n'''", "[1, {b = 2}]", "9" * 30, "9" * 5000),
    ]
)
_LINES = st.one_of(
    st.builds("[{}]".format, _NAMES),
    st.builds("[[{}]]".format, _NAMES),
    st.builds("{} = {}".format, _NAMES, _VALUES),
    st.builds("{}.{} = {}".format, _NAMES, _NAMES, _VALUES),
)


@given(st.text(max_size=60))
def test_any_text_is_settings_or_a_settings_error(text: str) -> None:
    read(text)


@given(st.lists(_LINES, max_size=6).map("\n".join))
def test_any_toml_is_settings_or_a_settings_error(text: str) -> None:
    read(text)


@given(st.sampled_from(list(catalogue())), _VALUES)
def test_any_value_of_any_setting_is_settings_or_a_settings_error(setting: object, value: str) -> None:
    read(f"{setting.key} = {value}")  # type: ignore[attr-defined]


@given(st.sampled_from([setting.variable for setting in catalogue()]), st.text(st.characters(), max_size=20))
def test_any_variable_is_settings_or_a_settings_error(variable: str, value: str) -> None:
    with suppress(SettingsError):
        load(None, {variable: value, "HOME": os.sep})
