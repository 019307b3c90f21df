"""A telephone menu: the web application of a small bookshop. Python's standard library is all it needs.

    python examples/menu/app.py --port 8000

A caller hears the menu and presses keys. Each answer of this application is a TwiML document, and the documents lead
to each other as web pages do: Gather is the form, Redirect the link.

    /  or  /menu ──1──> opening hours ──────> /menu
                 ──2──> /order ──> /status ──> /goodbye
                 ──3──> music ──────────────> /menu

Who sends a text message with the number of an order to it gets the answer as a text message, from /sms.
"""

import argparse
import base64
import hashlib
import hmac
import io
import math
import os
import struct
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

ORDERS = {
    "4711": "was posted this morning. It will be with you tomorrow.",
    "4712": "is on our shelf, with your name on it. You can collect it whenever you like.",
    "4713": "is being printed. We expect it on Friday.",
}


def document(path: str, form: dict[str, str]) -> str:
    """Return the TwiML document of a path. `form` holds what came with the request: CallSid, From, Digits, and so on.

    Raises KeyError for a path that is not here.
    """
    pages = {
        "/": welcome,
        "/menu": menu,
        "/choice": choice,
        "/order": order,
        "/status": status,
        "/goodbye": goodbye,
        "/sms": text_message,
    }
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{pages[path](form)}</Response>\n'


def welcome(form: dict[str, str]) -> str:
    """Where every call begins."""
    return menu(form, "Welcome to Lighthouse Books.")


def menu(form: dict[str, str], greeting: str = "What else can I do for you?") -> str:
    """Offer the menu. Who presses nothing is asked once more; the keys work while the text is still being spoken."""
    silent_before = "silent" in form
    return f"""
  <Gather action="/choice" numDigits="1" timeout="5">
    <Say>{"Sorry, I did not hear a key." if silent_before else greeting}</Say>
    <Say>For our opening hours, press 1. To hear where your order is, press 2. For a little music, press 3.</Say>
  </Gather>
  <Redirect>{"/goodbye" if silent_before else "/menu?silent=yes"}</Redirect>
"""


def choice(form: dict[str, str]) -> str:
    """Follow the key that was pressed in the menu."""
    choices = {"1": opening_hours, "2": order, "3": music}
    return choices.get(form.get("Digits", ""), unknown_key)(form)


def unknown_key(form: dict[str, str]) -> str:
    """Answer a key that the menu does not have."""
    return """
  <Say>That key is not in the menu.</Say>
  <Redirect>/menu</Redirect>
"""


def opening_hours(form: dict[str, str]) -> str:
    """Say when the shop is open."""
    return """
  <Say>We are open from Monday to Friday, from 9 in the morning to 6 in the evening.</Say>
  <Pause length="1"/>
  <Say>On Saturdays we close at 2.</Say>
  <Redirect>/menu</Redirect>
"""


def order(form: dict[str, str]) -> str:
    """Ask for an order number of any length: the pound key ends it."""
    return """
  <Gather action="/status" finishOnKey="#" timeout="10">
    <Say>Please enter the number of your order, then press the pound key.</Say>
  </Gather>
  <Say>I did not get a number.</Say>
  <Redirect>/menu</Redirect>
"""


def status(form: dict[str, str]) -> str:
    """Say where an order is. What a caller keys in is input like any other: it is escaped before it goes into XML."""
    number = form.get("Digits", "")
    spoken = escape(" ".join(number))  # "4 7 1 1" is read digit by digit, "4711" as a quantity
    if number not in ORDERS:
        return f"""
  <Say>I cannot find an order {spoken}. Let us try again.</Say>
  <Redirect>/order</Redirect>
"""
    return f"""
  <Say>Your order {spoken} {ORDERS[number]}</Say>
  <Redirect>/goodbye</Redirect>
"""


def music(form: dict[str, str]) -> str:
    """Play a sound file, which this application serves as well."""
    return """
  <Play>/chime.wav</Play>
  <Redirect>/menu</Redirect>
"""


def text_message(form: dict[str, str]) -> str:
    """Answer a text message. What people write is escaped, like keys."""
    number = form.get("Body", "").strip()
    if number not in ORDERS:
        return f"""
  <Message>I cannot find an order {escape(number)}. Send us its number, such as 4711.</Message>
"""
    return f"""
  <Message>Your order {number} {ORDERS[number]}</Message>
"""


def goodbye(form: dict[str, str]) -> str:
    """Say goodbye and hang up."""
    return """
  <Say>Thank you for calling Lighthouse Books. Goodbye.</Say>
  <Hangup/>
"""


def chime() -> bytes:
    """Make a WAV file: five notes, each fading away, at the 8000 samples per second that a telephone carries."""
    samples = [
        round(9000 * math.sin(2 * math.pi * pitch * n / 8000) * math.exp(-n / 1600))
        for pitch in (523.25, 659.25, 783.99, 659.25, 1046.5)
        for n in range(3200)
    ]
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


def is_signed(auth_token: str, url: str, posted: dict[str, str], signature: str) -> bool:
    """Tell whether a request comes from the server that knows our Auth Token: the check of X-Twilio-Signature.

    The server signs the URL with all posted fields behind it, sorted by name, each name followed by its value.
    """
    text = url + "".join(name + posted[name] for name in sorted(posted))
    expected = base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest())
    return hmac.compare_digest(expected, signature.encode())


class Handler(BaseHTTPRequestHandler):
    """Hands each request to `document`. Set AUTH_TOKEN in the environment to refuse requests that are not signed."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # buffered, so that headers and body leave together and the caller waits no longer than necessary
    sound = chime()

    def do_GET(self) -> None:
        """Serve the sound, or a document whose parameters are in the query."""
        if urlsplit(self.path).path == "/chime.wav":
            self.reply(200, "audio/x-wav", self.sound, ("Cache-Control", "max-age=3600"))
        else:
            self.reply_with_document({})

    def do_POST(self) -> None:
        """Serve a document whose parameters are in a form."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply_with_document(dict(parse_qsl(body.decode(), keep_blank_values=True)))

    def reply_with_document(self, posted: dict[str, str]) -> None:
        """Check who asks, make the document, send it."""
        url = f"{self.headers.get('X-Forwarded-Proto', 'http')}://{self.headers['Host']}{self.path}"
        token, signature = os.environ.get("AUTH_TOKEN"), self.headers.get("X-Twilio-Signature", "")
        if token and not is_signed(token, url, posted, signature):
            return self.reply(403, "text/plain", b"The signature of this request is missing or wrong.\n")
        parts = urlsplit(self.path)
        try:
            page = document(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)) | posted)
        except KeyError:
            return self.reply(404, "text/plain", b"There is no such document here.\n")
        return self.reply(200, "text/xml; charset=utf-8", page.encode())

    def reply(self, code: int, content_type: str, body: bytes, *headers: tuple[str, str]) -> None:
        """Send one answer."""
        self.send_response(code)
        for name, value in (("Content-Type", content_type), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="The telephone menu of a small bookshop.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--port", default=8000, type=int, help="port to listen at (8000)")
    options = parser.parse_args()
    with ThreadingHTTPServer((options.host, options.port), Handler) as server:
        url = f"http://{options.host}:{server.server_port}/"
        print(
            f"Give this application a number: ringback numbers add +15550100001 --url {url} --sms-url {url}sms",
            flush=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nStopped.")


if __name__ == "__main__":
    main()
