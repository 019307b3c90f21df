"""The requests of a call against a real application: what it gets, and what comes back."""

import asyncio
import base64
import hashlib
import re
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from webhooks_application import AUTH_TOKEN, Answer, Application, Notes, Speaker, document, make_client, redirect

from ringback.model.errors import ApplicationError
from ringback.model.events import WEBHOOK_REQUEST, WEBHOOK_RESPONSE
from ringback.webhooks.client import WebhookSession
from ringback.webhooks.session import Payload
from ringback.webhooks.signature import sign

FORM = {"CallSid": "CA1", "From": "+14158675309", "SpeechResult": "Grüße & 1 + 1"}


async def failure(session: WebhookSession, url: str, note: Notes | None = None) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await session.request("POST", url, FORM, note=note)
    return raised.value


@pytest.mark.conforms(
    "2008-08-01/1.2/form-or-query",
    "2008-08-01/1.4/signature",
    "2008-08-01/1.5/url",
    "2010-04-01/6/every",
    "2010-04-01/7/form",
    "2010-04-01/7/user-agent",
)
async def test_a_post_is_a_signed_form(application: Application, session: WebhookSession) -> None:
    url = application.on("/voice", document("<Response><Say>hi</Say></Response>"))
    response = await session.request("POST", url + "?a=1", FORM)
    (seen,) = application.seen
    assert (seen.method, seen.form, seen.url) == ("POST", list(FORM.items()), url + "?a=1")
    assert seen.headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, url + "?a=1", FORM.items())
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert seen.headers["Accept"] == "*/*"
    assert seen.headers["User-Agent"].startswith("TwilioProxy/1.1")
    assert "Authorization" not in seen.headers
    assert (response.url, response.status, response.content_type, response.charset) == (
        url + "?a=1",
        200,
        "text/xml",
        "",
    )
    assert response.text == "<Response><Say>hi</Say></Response>"


@pytest.mark.conforms("2008-08-01/1.2/form-or-query", "2008-08-01/1.5/get", "2010-04-01/7/form", "2008-08-01/2.4/get")
async def test_a_get_carries_the_parameters_behind_the_query_of_the_url(
    application: Application, session: WebhookSession
) -> None:
    url = application.on("/voice", document("")) + "?a=1&From=mine"
    response = await session.request("get", url, FORM)
    (seen,) = application.seen
    assert seen.method == "GET"
    assert (
        seen.target == "/voice?a=1&From=mine&CallSid=CA1&From=%2B14158675309&SpeechResult=Gr%C3%BC%C3%9Fe+%26+1+%2B+1"
    )
    assert seen.headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, application.base + seen.target)
    assert "Content-Type" not in seen.headers
    assert response.url == url
    assert response.body == b""


async def test_what_is_neither_get_nor_post_is_a_post(application: Application, session: WebhookSession) -> None:
    await session.request("DELETE", application.base, FORM)
    assert application.seen[0].method == "POST"


async def test_parameters_that_are_no_text_are_replaced(application: Application, session: WebhookSession) -> None:
    """A byte of a SIP header that is no UTF-8 must not stop the call."""
    await session.request("POST", application.base, {"SipHeader_X-A\udcff": "a\udcffb"})
    assert application.seen[0].form == [("SipHeader_X-A?", "a?b")]


@pytest.mark.conforms("2008-08-01/1.5/url", "2010-04-01/6/fragment")
async def test_the_url_on_the_wire_is_the_one_that_is_signed(application: Application, session: WebhookSession) -> None:
    await session.request("POST", application.base + "/a b/%7euser/ü?q=[1]&r=%2f#ct=2000", {})
    (seen,) = application.seen
    assert seen.target == "/a%20b/%7euser/%C3%BC?q=%5B1%5D&r=%2f"
    assert seen.headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, application.base + seen.target)


@pytest.mark.parametrize(
    ("header", "name", "charset"),
    [
        ("text/xml; charset=utf-8", "text/xml", "utf-8"),
        ('Text/XML; Charset="ISO-8859-1"', "text/xml", "iso-8859-1"),
        ("text/html", "text/html", ""),
        ("text/xml; charset=klingon", "text/xml", ""),
        ("text/xml; charset=\x01", "text/xml", ""),
        ("application/soap+xml", "application/soap+xml", ""),
        (";;;", "", ""),
        ("nonsense", "nonsense", ""),
        ("", "", ""),
    ],
)
async def test_content_types(speaker: Speaker, session: WebhookSession, header: str, name: str, charset: str) -> None:
    field = f"Content-Type: {header}\r\n" if header and header.isprintable() else ""
    if "\x01" in header:
        field = "Content-Type: text/xml; charset=%01\r\n"
    url = await speaker(f"HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\n\xfc!".encode("latin-1"))
    response = await session.request("POST", url, {})
    assert (response.content_type.strip("/"), response.charset) == (name, charset)
    assert response.text == ("ü!" if charset == "iso-8859-1" else "\ufffd!")


@pytest.mark.conforms("2008-08-01/1.4/cookies-call", "2010-04-01/7/cookies")
async def test_cookies_are_kept_for_the_call(application: Application, session: WebhookSession) -> None:
    """Clause 1.4 of the 2008-08-01 specification: accepted and returned as a browser does."""
    application.on("/", document("", **{"Set-Cookie": "basket=7; Path=/"}))
    application.on("/private", document("", **{"Set-Cookie": "secret=1; Path=/private"}))
    for path in ("/", "/private", "/shop"):
        await session.request("POST", application.base + path, {})
    assert [seen.headers.get("Cookie") for seen in application.seen] == [None, "basket=7", "basket=7"]


@pytest.mark.conforms("2008-08-01/1.4/cookies-call")
async def test_another_call_has_other_cookies(application: Application) -> None:
    application.on("/", document("", **{"Set-Cookie": "basket=7"}))
    async with make_client() as client:
        for session in (client.session("a"), client.session("b")):
            await session.request("POST", application.base, {})
    assert all("Cookie" not in seen.headers for seen in application.seen)


async def test_cookies_are_bounded(
    application: Application, session: WebhookSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringback.webhooks.session._MAX_COOKIES", 100)

    async def many(request: web.Request) -> web.Response:
        response = document("")
        for number in range(40):
            response.headers.add("Set-Cookie", f"c{len(application.seen)}-{number}=1")
        return response

    application.on("/", many)
    for _ in range(5):
        await session.request("POST", application.base + "/", {})
    assert [seen.headers.get("Cookie", "").count("=") for seen in application.seen] == [0, 40, 80, 0, 40]


async def test_cookies_that_are_none_are_ignored(speaker: Speaker, session: WebhookSession) -> None:
    cookies = b"".join(
        b"Set-Cookie: %s\r\n" % value for value in (b"", b"=;;", b"\xff=\xfe", b"a=b; Expires=never", b'x="')
    )
    url = await speaker(b"HTTP/1.1 200 OK\r\n" + cookies + b"Content-Length: 0\r\n\r\n")
    for _ in range(2):
        assert (await session.request("POST", url, {})).status == 200


@pytest.mark.conforms("2008-08-01/1.4/redirects", "2010-04-01/7/redirect-get")
@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_turns_a_post_into_a_get_without_parameters(
    application: Application, session: WebhookSession, status: int
) -> None:
    url = application.on("/old", redirect(status, "new?b=2"))
    response = await session.request("POST", url, FORM)
    second = application.seen[1]
    assert (second.method, second.target, second.form) == ("GET", "/new?b=2", [])
    assert second.headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, application.base + "/new?b=2")
    assert "Content-Type" not in second.headers
    assert response.url == application.base + "/new?b=2"


@pytest.mark.conforms("2008-08-01/1.4/redirects", "2010-04-01/7/redirect-keep")
@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_form(application: Application, session: WebhookSession, status: int) -> None:
    url = application.on("/old", redirect(status, "//127.0.0.1:" + application.base.rpartition(":")[2] + "/new"))
    await session.request("POST", url, FORM)
    second = application.seen[1]
    assert (second.method, second.form) == ("POST", list(FORM.items()))
    assert second.headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, application.base + "/new", FORM.items())


async def test_a_redirected_get_goes_where_it_is_sent(application: Application, session: WebhookSession) -> None:
    url = application.on("/old", redirect(307, "/new?CallSid=CA1"))
    await session.request("GET", url, FORM)
    assert application.seen[1].target == "/new?CallSid=CA1"


@pytest.mark.conforms("2008-08-01/1.4/too-many-redirects", "2010-04-01/7/redirects")
async def test_ten_redirects_are_followed_and_no_more(application: Application, session: WebhookSession) -> None:
    for number in range(10):
        application.on(f"/{number}", redirect(302, f"/{number + 1}"))
    assert (await session.request("POST", application.base + "/0", {})).url == application.base + "/10"
    application.on("/10", redirect(302, "/11"))
    error = await failure(session, application.base + "/0")
    assert (error.code, error.url) == (11215, application.base + "/0")
    assert "/11" in error.message


@pytest.mark.conforms("2010-04-01/7/idempotency")
async def test_one_token_serves_all_requests_of_a_fetch(application: Application, session: WebhookSession) -> None:
    url = application.on("/old", redirect(302, "/new"))
    await session.request("POST", url, {})
    await session.request("POST", url, {})
    tokens = [seen.headers["I-Twilio-Idempotency-Token"] for seen in application.seen]
    assert tokens[0] == tokens[1] != tokens[2] == tokens[3]


@pytest.mark.parametrize(
    ("location", "code"),
    [("", 11206), ("ftp://a/", 11100), ("http://[", 11100), ("http://10.0.0.1/", 11205), ("http://my_app/", 11100)],
)
async def test_redirects_to_nowhere(
    application: Application, session: WebhookSession, location: str, code: int
) -> None:
    url = application.on("/old", redirect(302, location))
    assert (await failure(session, url)).code == code


async def test_a_location_that_is_no_text(speaker: Speaker, session: WebhookSession) -> None:
    url = await speaker(b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n")
    error = await failure(session, url)
    assert error.code == 11100
    str(error).encode()


def basic(user: str, password: str) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") == "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode():
            return document("<Response/>")
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="a"'})

    return answer


@pytest.mark.conforms("2008-08-01/1.4/basic", "2008-08-01/1.4/login-lasts", "2010-04-01/7/login")
async def test_basic_login_after_a_challenge_then_for_the_whole_call(
    application: Application, session: WebhookSession
) -> None:
    """Clause 1.4 of the 2008-08-01 specification: first without, then with; logged in for the rest of the call."""
    application.on("/a", basic("user", "pä:ss"))
    application.on("/b", basic("user", "pä:ss"))
    base = application.base.replace("//", f"//user:{quote('pä:ss')}@")
    response = await session.request("POST", base + "/a", FORM)
    await session.request("POST", application.base + "/b", FORM)
    assert ["Authorization" in seen.headers for seen in application.seen] == [False, True, True]
    assert response.url == application.base + "/a"
    signature = sign(AUTH_TOKEN, application.base + "/a", FORM.items())
    assert application.seen[1].headers["X-Twilio-Signature"] == signature
    assert application.seen[1].form == list(FORM.items())


async def test_a_wrong_password_is_tried_once(application: Application, session: WebhookSession) -> None:
    application.on("/a", basic("user", "right"))
    error = await failure(session, application.base.replace("//", "//user:wrong@") + "/a")
    assert error.code == 11200
    assert "401" in error.message
    assert "wrong" not in str(error)
    assert len(application.seen) == 2


def digest(realm: str, nonce: str, password: str) -> Answer:
    """RFC 7616 clause 3.4.1, from the server's side."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    async def answer(request: web.Request) -> web.Response:
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
        ha1, ha2 = md5(f"user:{realm}:{password}"), md5(f"{request.method}:{request.raw_path}")
        expected = md5(f"{ha1}:{nonce}:{fields.get('nc')}:{fields.get('cnonce')}:auth:{ha2}")
        if fields.get("response") == expected:
            return document("<Response/>")
        challenge = f'Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    return answer


@pytest.mark.conforms("2008-08-01/1.4/digest", "2008-08-01/1.4/login-lasts", "2010-04-01/7/login")
async def test_digest_login_after_a_challenge_then_for_the_whole_call(
    application: Application, session: WebhookSession
) -> None:
    application.on("/a", digest("phones", "n0nce", "p"))
    base = application.base.replace("//", "//user:p@")
    await session.request("POST", base + "/a?b=c d", FORM)
    await session.request("GET", application.base + "/a", FORM)
    assert ["Authorization" in seen.headers for seen in application.seen] == [False, True, True]
    assert application.seen[1].form == list(FORM.items())


async def test_a_digest_challenge_that_is_none(application: Application, session: WebhookSession) -> None:
    application.on("/a", web.Response(status=401, headers={"WWW-Authenticate": 'Digest realm="a"'}))
    assert (await failure(session, application.base.replace("//", "//u:p@") + "/a")).code == 11200


async def test_a_login_stays_with_its_origin(application: Application, session: WebhookSession) -> None:
    """Whoever a redirect leads to gets no password."""
    other = application.base.replace("127.0.0.1", "localhost")
    url = application.on("/a", basic("user", "another"), redirect(302, other + "/b")).replace("//", "//user:p@")
    application.on("/b", basic("user", "p"))
    assert (await failure(session, url)).code == 11200
    assert "Authorization" in application.seen[1].headers
    assert "Authorization" not in application.seen[2].headers


@pytest.mark.conforms("2008-08-01/1.4/private")
async def test_the_guard_names_its_setting(session: WebhookSession) -> None:
    error = await failure(session, "http://169.254.169.254/latest/meta-data/")
    assert error.code == 11205
    assert "webhooks.allow_private" in error.message


@pytest.mark.conforms("2010-04-01/7/status")
@pytest.mark.parametrize(
    ("status", "text"), [(400, "<p>no</p>"), (404, ""), (500, "Traceback\n  line"), (503, "x" * 5000)]
)
async def test_a_refusal_shows_status_and_first_words(
    application: Application, session: WebhookSession, notes: Notes, status: int, text: str
) -> None:
    url = application.on("/a", web.Response(status=status, text=text))
    error = await failure(session, url, note=notes)
    assert (error.code, error.url) == (11200, url)
    assert f"{status}: {' '.join(text.split())[:200] or '(an empty body)'}" in error.message
    assert len(application.seen) == 1
    assert notes.events[1][1]["body"] == text[:2000]


async def test_a_status_that_makes_no_sense_here(application: Application, session: WebhookSession) -> None:
    url = application.on("/a", web.Response(status=304))
    assert (await failure(session, url)).code == 11200


async def test_a_refusal_that_does_not_end_is_not_waited_for(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch, session: WebhookSession
) -> None:
    monkeypatch.setattr("ringback.webhooks.session._PREFIX_SECONDS", 0.02)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 99\r\n\r\nsorry")
        await reader.read()

    url = await speaker(hang)
    assert "500: sorry" in (await failure(session, url)).message


@pytest.mark.conforms("2008-08-01/1.4/size", "2010-04-01/1/size")
async def test_size_of_documents_is_bounded(application: Application, session: WebhookSession) -> None:
    """11750 beyond 64 kB; audio that comes in place of a document may be longer."""
    url = application.on("/a", web.Response(body=b" " * 65536, content_type="text/xml"))
    assert len((await session.request("POST", url, {})).body) == 65536
    application.on("/a", web.Response(body=b" " * 65537, content_type="text/xml"))
    error = await failure(session, url)
    assert (error.code, error.url) == (11750, url)
    application.on("/a", web.Response(body=b" " * 65537, content_type="audio/mpeg"))
    assert len((await session.request("POST", url, {})).body) == 65537


async def test_size_is_bounded_when_it_is_not_announced(application: Application, session: WebhookSession) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/xml"})
        await response.prepare(request)
        with_chunks = int(request.query["chunks"])
        for _ in range(with_chunks):
            await response.write(b"a" * 1000)
        await response.write_eof()
        return response

    url = application.on("/a", stream)
    assert len((await session.request("POST", url + "?chunks=3", {})).body) == 3000
    assert (await failure(session, url + "?chunks=100")).code == 11750


async def test_everything_is_noted(application: Application, session: WebhookSession, notes: Notes) -> None:
    url = application.on("/old", redirect(302, "/new"))
    await session.request("POST", url.replace("//", "//u:p@"), FORM, note=notes)
    kinds = [kind for kind, _ in notes.events]
    data = [data for _, data in notes.events]
    assert kinds == [WEBHOOK_REQUEST, WEBHOOK_RESPONSE] * 2
    token = application.seen[0].headers["I-Twilio-Idempotency-Token"]
    assert data[0] == {"id": token, "method": "POST", "url": url, "parameters": FORM}
    ms = data[1].pop("ms")
    assert ms >= 0
    assert data[1].pop("headers")["Location"] == "/new"
    assert data[1] == {"id": token, "status": 302, "content_type": "", "bytes": 0, "body": ""}
    assert data[2] == {"id": token + "/2", "method": "GET", "url": application.base + "/new", "parameters": {}}
    assert data[3]["body"] == "<Response/>"


async def test_a_long_answer_and_audio_are_not_noted_whole(
    application: Application, session: WebhookSession, notes: Notes
) -> None:
    application.on("/a", document("ü" * 3000))
    await session.request("POST", application.base + "/a", {}, note=notes)
    application.on("/a", web.Response(body=b"\xff" * 3000, content_type="audio/mpeg"))
    await session.request("POST", application.base + "/a", {}, note=notes)
    assert [data["body"] for kind, data in notes.events if kind == WEBHOOK_RESPONSE] == ["ü" * 2000, ""]
    assert [data["bytes"] for kind, data in notes.events if kind == WEBHOOK_RESPONSE] == [6000, 3000]


async def test_a_failure_is_noted_once(application: Application, session: WebhookSession, notes: Notes) -> None:
    url = application.on("/a", document("a" * 70000))
    await failure(session, url, note=notes)
    (_, request), (_, response) = notes.events
    assert request["id"] == response["id"]
    assert response["error"].startswith("11750: ")


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_request_that_is_given_up_is_noted(
    application: Application, session: WebhookSession, notes: Notes
) -> None:
    url = application.on("/a", hang)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(session.request("POST", url, {}, note=notes))
        await application.asked.wait()
        task.cancel()
    assert task.cancelled()
    assert "given up" in notes.events[-1][1]["error"]


@pytest.mark.conforms("2008-08-01/1.4/timeouts", "2010-04-01/7/timeouts")
async def test_a_server_that_never_answers(application: Application, notes: Notes) -> None:
    url = application.on("/a", hang)
    async with make_client(total_timeout=0.05) as client:
        error = await failure(client.session("t"), url, note=notes)
    assert (error.code, error.url) == (11200, url)
    assert "0.05 s (the total timeout)" in error.message
    assert "total timeout" in notes.events[-1][1]["error"]
    assert len(application.seen) == 1


@pytest.mark.conforms("2010-04-01/7/timeouts")
async def test_a_server_that_falls_silent(application: Application) -> None:
    url = application.on("/a", hang)
    async with make_client(read_timeout=0.05) as client:
        error = await failure(client.session("t"), url)
    assert error.code == 11200
    assert "read timeout" in error.message


@pytest.mark.conforms("2010-04-01/7/ct", "2010-04-01/7/rc", "2010-04-01/7/rp", "2010-04-01/7/tt")
async def test_fragment_overrides_times_and_retries(application: Application, session: WebhookSession) -> None:
    """Clause 7 of the 2010-04-01 specification: `#tt`, `#rt`, `#rc` and `#rp` in a URL."""
    url = application.on("/a", hang)
    assert "0.1 s (the total timeout)" in (await failure(session, url + "#tt=100")).message
    assert "0.1 s (the read timeout)" in (await failure(session, url + "#rt=100")).message
    application.seen.clear()
    url = application.on("/b", web.Response(status=503), web.Response(status=404), document("<Response/>"))
    response = await session.request("POST", url + "#rc=2&rp=4xx,5xx", FORM)
    assert response.url == url
    assert [seen.form for seen in application.seen] == [list(FORM.items())] * 3
    assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in application.seen}) == 1
    application.on("/b", web.Response(status=503))
    assert (await failure(session, url + "#rc=2&rp=all")).code == 11200
    assert len(application.seen) == 6


@pytest.mark.conforms("2008-08-01/1.4/timeouts", "2010-04-01/7/retry")
async def test_one_retry_when_there_is_no_connection(session: WebhookSession, notes: Notes) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()
    await server.wait_closed()
    error = await failure(session, url, note=notes)
    assert error.code == 11205
    assert [kind for kind, _ in notes.events].count(WEBHOOK_REQUEST) == 2
    notes.events.clear()
    await failure(session, url + "#rc=0", note=notes)
    assert len(notes.events) == 2


@pytest.mark.conforms("2010-04-01/7/urls")
async def test_a_host_that_does_not_exist(session: WebhookSession) -> None:
    error = await failure(session, "http://no-such-host.invalid/")
    assert error.code == 11210


async def test_a_url_that_is_none(session: WebhookSession, notes: Notes) -> None:
    assert (await failure(session, "nonsense", note=notes)).code == 11100
    assert notes.events == []


# Bodies that are no forms

JSON = b'{"property": "value", "boolean": true}'


@pytest.mark.conforms("2010-04-01/6/json")
@pytest.mark.parametrize("status", [None, 307])
async def test_json_is_signed_by_its_hash(
    application: Application, session: WebhookSession, status: int | None
) -> None:
    """Clause 6 of the 2010-04-01 specification: the hash is in the URL, and the URL is what is signed."""
    url = application.on("/hook", document("ok"))
    if status:
        url = application.on("/old", redirect(status, "/hook"))
    await session.post(url + "?a=1" if not status else url, Payload("application/json", JSON))
    seen = application.seen[-1]
    digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    expected = "/hook?bodySHA256=" if status else "/hook?a=1&bodySHA256="
    assert seen.target == expected + digest
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Content-Length"] == str(len(JSON))
    assert seen.headers["X-Twilio-Signature"] == sign(AUTH_TOKEN, application.base + seen.target)


@pytest.mark.conforms("2010-04-01/6/validator")
async def test_the_validator_of_the_official_sdk_accepts_every_kind_of_request(
    application: Application, session: WebhookSession
) -> None:
    """Form, query and JSON, as the SDK's own validator judges them."""
    from twilio.request_validator import RequestValidator

    validator = RequestValidator(AUTH_TOKEN)
    url = application.on("/hook", document("ok"))
    await session.request("POST", url + "?a=1", FORM)
    await session.request("GET", url + "?a=1", FORM)
    await session.post(url, Payload("application/json", JSON))
    form, query, body = application.seen

    def valid(seen: Any, parameters: Any) -> bool:
        address, signature = application.base + seen.target, seen.headers["X-Twilio-Signature"]
        return bool(validator.validate(address, parameters, signature))

    assert valid(form, FORM)
    assert valid(query, {})
    assert valid(body, JSON.decode())
    assert not valid(form, FORM | {"From": "another"})
