"""A scripted SIP end: sipp 3.6. For many calls at once, for credentials, and for what a phone would never send.

Things to know about this version: it has no TLS and no SRTP; all calls of one process share one media port; it never
looks at the audio it receives, though `echo` sends it back; it reads raw µ-law, so a WAV header would be heard.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent, indent
from typing import Self

from tests.interop.peers.process import LIFETIME, Process, free_port

SDP = """
v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [{port}] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv"""
STREAM = "rtpstream_audio_port"
"""The media port of scenarios that `say`; without `say` it is `media_port`."""


def say(path: Path) -> str:
    """Return the step that sends a file of raw µ-law over and over, and goes on at once."""
    return f'<nop><action><exec rtp_stream="{path},-1,0"/></action></nop>'


def pause(seconds: float) -> str:
    """Return the step that waits."""
    return f'<pause milliseconds="{round(seconds * 1000)}"/>'


def send(text: str, retransmit: bool = True, attributes: str = "") -> str:
    """Return the step that sends a message: its lines, then an empty line and the body, if it has one.

    `Content-Length` is added. sipp's keywords in square brackets are filled in for each call.
    """
    head, _, body = dedent(text).strip().partition("\n\n")
    length = "Content-Type: application/sdp\nContent-Length: [len]" if body else "Content-Length: 0"
    message = indent(f"{head}\n{length}\n\n{body}", "      ")
    timer = ' retrans="500"' if retransmit else ""
    return f"<send{timer}{attributes}><![CDATA[\n{message}\n]]></send>"


def scenario(*steps: str) -> str:
    """Return a whole scenario file."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="test">\n' + "\n".join(steps) + "\n</scenario>\n"


def request(
    method: str, number: int, *, to: str, frm: str, dialog: bool = False, extra: str = "", body: str = ""
) -> str:
    """Return the text of a request with the CSeq `number`; `dialog`: one within the call that was answered."""
    where = "[next_url]" if dialog else f"sip:{to}@[remote_ip]:[remote_port]"
    lines = [
        f"{method} {where} SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        f'From: "sipp" <sip:{frm}@[local_ip]:[local_port]>;tag=[pid]t[call_number]',
        f"To: <sip:{to}@[remote_ip]:[remote_port]>" + ("[peer_tag_param]" if dialog or method == "ACK" else ""),
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        *(["[routes]"] if dialog else []),
        f"Contact: <sip:{frm}@[local_ip]:[local_port];transport=[transport]>",
        "Max-Forwards: 70",
        *([extra] if extra else []),
    ]
    return "\n".join(lines) + (f"\n\n{body.strip()}" if body else "")


def caller(
    *actions: str, to: str = "service", frm: str = "sipp", credentials: tuple[str, str] | None = None, ends: bool = True
) -> str:
    """Return a scenario that calls `to`, does `actions` once answered, and hangs up (not `ends`: waits for the BYE).

    `credentials` (user, password) answer a 401 or 407, which must come then.
    """
    body = SDP.format(port=STREAM if any("rtp_stream" in action for action in actions) else "media_port")
    steps = [send(request("INVITE", 1, to=to, frm=frm, body=body), attributes=' start_rtd="1"')]
    number = 1
    if credentials:
        user, password = credentials
        answer = f"[authentication username={user} password={password}]"
        steps += [
            '<recv response="100" optional="true"/>',
            '<recv response="407" optional="true" auth="true" next="challenged"/>',
            '<recv response="401" auth="true"/>',
            '<label id="challenged"/>',
            send(request("ACK", 1, to=to, frm=frm), retransmit=False),
            send(request("INVITE", 2, to=to, frm=frm, extra=answer, body=body)),
        ]
        number = 2
    steps += [f'<recv response="{early}" optional="true"/>' for early in (100, 180, 183)]
    steps += [
        '<recv response="200" rtd="1" rrs="true"/>',
        send(request("ACK", number, to=to, frm=frm, dialog=True), retransmit=False),
        *actions,
    ]
    if ends:
        steps += [send(request("BYE", number + 1, to=to, frm=frm, dialog=True)), '<recv response="200"/>']
    else:
        steps += ['<recv request="BYE"/>', send(response("200 OK"), retransmit=False)]
    return scenario(*steps)


def response(status: str, tag: str = "", contact: bool = False, body: str = "") -> str:
    """Return the text of an answer to the last request; `tag` marks this end of the call."""
    lines = [
        f"SIP/2.0 {status}",
        "[last_Via:]",
        "[last_From:]",
        f"[last_To:]{tag}",
        "[last_Call-ID:]",
        "[last_CSeq:]",
        "[last_Record-Route:]",
        *(["Contact: <sip:[local_ip]:[local_port];transport=[transport]>"] if contact else []),
    ]
    return "\n".join(lines) + (f"\n\n{body.strip()}" if body else "")


def callee(*actions: str, rings: float = 0.0) -> str:
    """Return a scenario that rings, picks up, does `actions` and waits for the BYE."""
    tag = ";tag=[pid]u[call_number]"
    body = SDP.format(port=STREAM if any("rtp_stream" in action for action in actions) else "media_port")
    return scenario(
        '<recv request="INVITE" rrs="true"/>',
        send(response("180 Ringing", tag, contact=True), retransmit=False),
        *([pause(rings)] if rings else []),
        send(response("200 OK", tag, contact=True, body=body)),
        '<recv request="ACK"/>',
        *actions,
        '<recv request="BYE"/>',
        send(response("200 OK"), retransmit=False),
    )


def refusing(status: str) -> str:
    """Return a scenario that refuses every call, e.g. with `486 Busy Here`."""
    tag = ";tag=[pid]u[call_number]"
    return scenario('<recv request="INVITE"/>', send(response(status, tag)), '<recv request="ACK"/>')


class Sipp:
    """One sipp process that plays a scenario."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    @classmethod
    async def start(
        cls,
        folder: Path,
        text: str,
        *,
        remote: int | None = None,
        calls: int = 1,
        rate: float = 10,
        limit: int | None = None,
        transport: str = "u1",
        echo: bool = False,
        host: str = "127.0.0.1",
        more: Sequence[str] = (),
    ) -> Self:
        """Play a scenario: towards the port `remote`, or, without it, for those who call `port`, until stopped.

        `calls` in all, `rate` of them a second, `limit` at once; `transport`: u1 UDP, t1 TCP, un and tn a socket
        for each call. `echo`: send received audio back. `host`: the address of both sides, ::1 for IPv6; the audio
        stays at 127.0.0.1. `more`: further options of sipp.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scenario.xml").write_text(text)
        port = free_port()
        command = ["sipp", "-sf", "scenario.xml", "-nostdin", "-timeout", f"{LIFETIME}s", "-t", transport]
        command += ["-i", host, "-bind_local", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(free_port(6))]
        command += ["-ci", "127.0.0.1", "-cp", str(free_port())]
        command += ["-trace_stat", "-stf", "statistics.csv", "-fd", "1", "-trace_err", "-error_file", "errors"]
        command += ["-trace_msg", "-message_file", "messages"] if calls <= 10 else []
        if remote is None:
            command += ["-aa"]
        else:
            command += [
                f"[{host}]:{remote}" if ":" in host else f"{host}:{remote}",
                "-r",
                str(rate),
                "-m",
                str(calls),
                "-timeout_error",
            ]
            command += ["-l", str(limit or calls)]
        command += ["-rtp_echo"] if echo else []
        return cls(await Process.spawn(folder, [*command, *more]), port)

    async def done(self, timeout: float = 60) -> dict[str, str]:
        """Wait for the last call and return the statistics. Raises PeerError when a call failed."""
        code = await self.process.finish(timeout)
        if code:
            errors = self.process.folder / "errors"
            said = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
            raise self.process.failure(f"sipp ended with {code}\n{said}")
        return self.statistics()

    def statistics(self) -> dict[str, str]:
        """Return the last row of sipp's table, e.g. `SuccessfulCall(C)`, `FailedCall(C)`, `Retransmissions(C)`."""
        with (self.process.folder / "statistics.csv").open(newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))[-1]

    async def stop(self) -> None:
        """End it."""
        await self.process.stop()
