"""The sample application: its documents are sound TwiML, lead to each other, and are served to those who sign."""

import importlib.util
import io
import threading
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ringback.webhooks.signature import sign

SOURCE = Path(__file__).parents[3] / "examples" / "menu" / "app.py"
PATHS = ("/", "/menu", "/choice", "/order", "/status", "/goodbye")
CHILDREN = {
    "Response": {"Say", "Play", "Gather", "Pause", "Redirect", "Hangup"},
    "Gather": {"Say", "Play", "Pause"},
}
"""What may stand in what; all other elements hold text only."""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_menu", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


menu = load()


def page(path: str, **form: str) -> etree._Element:
    return etree.fromstring(menu.document(path, form).encode())


def spoken(element: etree._Element) -> str:
    return " ".join(" ".join(say.itertext()) for say in element.iter("Say"))


@pytest.mark.parametrize("path", PATHS)
@given(form=st.dictionaries(st.sampled_from(["Digits", "From", "silent"]), st.text("0123456789*#<&ABC+w")))
def test_every_document_is_well_formed_and_nested_as_the_verbs_allow(path: str, form: dict[str, str]):
    response = page(path, **form)
    assert response.tag == "Response"
    for element in response.iter():
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("digits", ["", "1", "2", "3", "9", "4711", "4714"])
def test_every_link_leads_to_a_document(path: str, digits: str):
    for element in page(path, Digits=digits).iter():
        link = element.get("action") or (element.text if element.tag == "Redirect" else None)
        if link is not None:
            assert urlsplit(link).path in PATHS
        if element.tag == "Play":
            assert element.text == "/chime.wav"


def test_the_documents_show_the_verbs_of_a_menu():
    pages = [page(path, Digits=digits) for path in PATHS for digits in "123"]
    verbs = {element.tag for response in pages for element in response.iter()}
    assert verbs == {"Response", "Say", "Gather", "Play", "Pause", "Redirect", "Hangup"}


def test_a_caller_who_presses_nothing_is_asked_twice_and_then_dismissed():
    first = page("/")
    assert first[-1].text == "/menu?silent=yes"
    second = page("/menu", silent="yes")
    assert "did not hear" in spoken(second)
    assert second[-1].text == "/goodbye"
    assert page("/goodbye")[-1].tag == "Hangup"


@pytest.mark.parametrize(
    ("key", "expected"), [("1", "9 in the morning"), ("2", "number of your order"), ("7", "not in the menu")]
)
def test_a_key_leads_to_what_the_menu_promised(key: str, expected: str):
    assert expected in spoken(page("/choice", Digits=key))


def test_an_order_is_found_by_its_number_and_spelled_out():
    assert "Your order 4 7 1 1 was posted" in spoken(page("/status", Digits="4711"))
    unknown = page("/status", Digits="99")
    assert "9 9" in spoken(unknown)
    assert unknown[-1].text == "/order"


def test_the_chime_is_a_telephone_sound():
    with wave.open(io.BytesIO(menu.chime())) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 8000)
        assert 1 < wav.getnframes() / 8000 < 5


def test_the_signature_of_the_specification_is_accepted_and_a_forged_one_is_not():
    """The vector of clause 1.5 of the 2008-08-01 specification."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert menu.is_signed("12345", url, form, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not menu.is_signed("12345", url, form | {"Digits": "1235"}, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not menu.is_signed("12345", url, form, "é")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(menu.Handler, "log_message", lambda *_: None)
    monkeypatch.delenv("AUTH_TOKEN", raising=False)
    with menu.ThreadingHTTPServer(("127.0.0.1", 0), menu.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(url: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, bytes]:
    data = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()})
    # No proxy of the environment stands between the test and its own server.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def test_it_serves_documents_and_the_sound(url: str):
    assert get(f"{url}/choice", {"Digits": "1"})[2].count(b"<Say>") == 2
    assert get(f"{url}/status?Digits=4711") == (
        200,
        "text/xml; charset=utf-8",
        menu.document("/status", {"Digits": "4711"}).encode(),
    )
    assert get(f"{url}/chime.wav")[1:] == ("audio/x-wav", menu.Handler.sound)
    assert get(f"{url}/elsewhere")[0] == 404


def test_with_a_token_it_answers_signed_requests_only(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTH_TOKEN", "secret")
    target, form = f"{url}/menu?silent=yes", {"CallSid": "CA1", "Digits": ""}
    signature = sign("secret", target, form.items())
    assert get(target, form, X_Twilio_Signature=signature)[0] == 200
    assert get(target, form)[0] == 403
    assert get(f"{url}/menu", form, X_Twilio_Signature=signature)[0] == 403
