"""Transfers: REFER and the NOTIFYs that tell how it goes (RFC 3515, RFC 4488), with Replaces (RFC 3891)."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ringback.sip.dialog import Dialog
from ringback.sip.events import Transfer, TransferProgress
from ringback.sip.fields import FieldError, parse_name_addr, parse_parameters
from ringback.sip.message import Message, Request, Response, clean
from ringback.sip.policy import ALLOW_EVENTS
from ringback.sip.request import ClientRequest
from ringback.sip.requests import ANSWER_WITHIN
from ringback.sip.stack import DialogKey, Stack
from ringback.sip.timers import Timer
from ringback.sip.transaction_client import Outcome, code_and_reason
from ringback.sip.transaction_server import ServerTransaction
from ringback.sip.wire import REASONS, Fields

if TYPE_CHECKING:
    from ringback.sip.call import Call

SIPFRAG = "message/sipfrag;version=2.0"
_LIFETIME = 180
"""Seconds for which the other side wants to hear of a transfer: as long as a phone may ring."""
_STATUS = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]{0,200}))?", re.IGNORECASE)
_ID = re.compile(r"(?:^|;)\s*id\s*=\s*([0-9]{1,10})\s*(?:;|$)")
_MAX_URI = 1_000


def parse_replaces(value: str) -> tuple[DialogKey, bool]:
    """Read a Replaces header: the key of the dialog as its receiver has it, and whether only an early one is meant.

    Raises FieldError.
    """
    call_id, semicolon, rest = value.partition(";")
    parameters = parse_parameters(semicolon + rest)
    local, remote = parameters.get("to-tag"), parameters.get("from-tag")
    if not call_id.strip() or local is None or remote is None:
        raise FieldError("Replaces without Call-ID, to-tag or from-tag")
    return (call_id.strip(), local, remote), "early-only" in parameters


def parse_refer_to(value: str) -> tuple[str, str | None]:
    """Return the URI of a Refer-To without its headers, and the Replaces among them. Raises FieldError."""
    # A URI with headers has to be in brackets (RFC 3261 clause 20); phones forget them, and there is no other reading.
    address = parse_name_addr(f"<{value.strip()}>" if "?" in value and "<" not in value else value)
    uri, _, headers = address.uri.partition("?")
    if len(uri) > _MAX_URI:
        raise FieldError(f"a URI of {len(uri)} characters")
    for header in headers.split("&"):
        name, _, content = header.partition("=")
        if name.lower() == "replaces":
            return uri, unquote(content)
    return uri, None


class Transfers:
    """The REFERs of both sides within one call, one of each at a time."""

    __slots__ = ("_call", "_dialog", "_event", "_ours", "_refer", "_silent", "_stack", "_timer")

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._stack: Stack = call.stack
        self._refer: ServerTransaction | None = None
        """The REFER that our user has not answered."""
        self._event = "refer"
        self._silent = False
        """Whether the other side does not want to be told (RFC 4488)."""
        self._dialog: Dialog | None = None
        """Where to tell how it goes; set from our 202 to the last NOTIFY."""
        self._timer: Timer | None = None
        self._ours: ClientRequest | None = None
        """The REFER of ours that we wait to hear of."""

    # -- theirs ---------------------------------------------------------------------------------------------------

    def receive_refer(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a REFER."""
        call = self._call
        values = request.headers.get("refer-to", ())
        if not call.established or self._refer is not None or self._dialog is not None:
            transaction.respond(491, now)
            return
        try:
            if len(values) != 1:
                raise FieldError("not one Refer-To")
            uri, replaces = parse_refer_to(values[0])
            named = None if replaces is None else self._stack.dialogs.get(parse_replaces(replaces)[0])
        except FieldError:
            transaction.respond(400, now)
            return
        self._refer = transaction
        self._timer = self._stack.timers.start(now + ANSWER_WITHIN, "REFER", self)
        self._event = f"refer;id={request.cseq}"
        self._silent = (request.get("refer-sub") or "").strip().lower() == "false"
        by = request.get("referred-by")
        self._stack.emit(
            Transfer(
                call.id,
                clean(uri),
                None if replaces is None else clean(replaces),
                None if by is None else clean(by[:_MAX_URI]),
                None if named is None else named.id,
            )
        )

    def accept(self, now: float) -> None:
        """Agree to call: 202, and NOTIFYs from now on."""
        transaction = self._take_refer()
        if transaction is None:
            return
        headers: list[tuple[str, str]] = self._call.session_headers()
        if self._silent:
            transaction.respond(202, now, [*headers, ("Refer-Sub", "false")])
            return
        transaction.respond(202, now, headers)
        self._dialog = self._call.dialog
        self._stack.transfers[self._call.id] = self
        self._timer = self._stack.timers.start(now + _LIFETIME, "transfer", self)
        self.notify(100, None, now)

    def reject(self, code: int, now: float) -> None:
        """Refuse to call."""
        if (transaction := self._take_refer()) is not None:
            transaction.respond(code, now)

    def _take_refer(self) -> ServerTransaction | None:
        transaction, self._refer = self._refer, None
        if transaction is not None and self._timer is not None:
            self._stack.timers.stop(self._timer)
        return transaction

    def notify(self, code: int, reason: str | None, now: float) -> None:
        """Tell how the new call goes; a code of 200 or more is the last."""
        dialog = self._dialog
        if dialog is None:
            return
        state = f"active;expires={_LIFETIME}" if code < 200 else "terminated;reason=noresource"
        phrase = REASONS.get(code, "Unknown") if reason is None else reason
        headers = [
            ("Event", self._event), ("Subscription-State", state), ("Contact", self._stack.contact(dialog.flow)),
        ]  # fmt: skip
        event = self._event

        def notified(outcome: Outcome, now: float) -> None:
            # §2.4.4: whoever does not know the NOTIFY wants no more of them. The call itself goes on.
            if event == self._event and code_and_reason(outcome)[0] in (408, 481, 489):
                self._forget()

        start = dialog.start(self._stack, "NOTIFY", dialog.next_cseq(), self._stack.new_branch())
        ClientRequest(
            self._stack, start, now, notified, dialog, headers=headers,
            body=f"SIP/2.0 {code} {phrase}\r\n".encode(), content_type=SIPFRAG, call=self._call.id,
            auth=self._call.auth,
        )  # fmt: skip
        if code >= 200:
            self._forget()

    def on_timer(self, letter: str, now: float) -> None:
        """Our user has not answered, or has not told the end of it."""
        if letter == "REFER":
            self.reject(603, now)
        else:
            self.notify(408, None, now)

    def _forget(self) -> None:
        self._dialog = None
        self._stack.transfers.pop(self._call.id, None)
        if self._timer is not None:
            self._stack.timers.stop(self._timer)

    # -- ours -----------------------------------------------------------------------------------------------------

    def refer(self, refer_to: str, headers: Fields, now: float) -> None:
        """Ask the other side to call somebody; `refer_to` is the text of the header."""
        call = self._call
        if not call.established or self._ours is not None:
            self._stack.emit(TransferProgress(call.id, 491, "another transfer is under way"))
            return

        def told(outcome: Outcome, now: float) -> None:
            self._told(outcome, now)

        self._ours = call.request("REFER", now, told, [*call.session_headers(), ("Refer-To", refer_to), *headers])

    def _told(self, outcome: Outcome, now: float) -> None:
        code, reason = code_and_reason(outcome)
        if code < 200 or self._ours is None:
            return
        if isinstance(outcome, Response) and code < 300:
            if (outcome.get("refer-sub") or "").strip().lower() == "false":
                self._progress(code, reason)
        elif not self._call.ended_by(outcome, now):
            self._progress(code, reason)

    def receive_notify(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a NOTIFY of a transfer that we asked for."""
        event, _, parameters = (request.get("event") or "").partition(";")
        if event.strip().lower() != "refer":
            transaction.respond(489, now, [ALLOW_EVENTS])
        elif self._ours is None or not self._ours_is(parameters):
            transaction.respond(481, now)
        else:
            transaction.respond(200, now)
            status = _STATUS.match(request.body) if request.content_type == "message/sipfrag" else None
            state = (request.get("subscription-state") or "").partition(";")[0].strip().lower()
            if status is not None:
                self._progress(int(status[1]), clean((status[2] or b"").decode("utf-8", "surrogateescape")))
            if state == "terminated":
                self._progress(408, "the other side tells no more of it")

    def _ours_is(self, parameters: str) -> bool:
        """Tell whether a NOTIFY is of our last REFER: its `id`, if there is one, is that one's CSeq (§2.4.6)."""
        match = _ID.search(parameters)
        return match is None or (self._ours is not None and int(match[1]) == self._ours.start.cseq)

    def _progress(self, code: int, reason: str) -> None:
        if self._ours is not None:
            if code >= 200:
                self._ours = None
            self._stack.emit(TransferProgress(self._call.id, code, reason))

    # -- the end --------------------------------------------------------------------------------------------------

    def call_ended(self, now: float) -> None:
        """The call is over; who asked for a transfer may have hung up at once, and is still told how it goes."""
        self.reject(603, now)
        self._ours = None


def refer_to_text(uri: str, replaced: Dialog | None) -> str:
    """Return a Refer-To value; `replaced` is the dialog that the new call is to take the place of."""
    if replaced is None:
        return f"<{uri}>"
    text = f"{replaced.call_id};to-tag={replaced.remote_tag};from-tag={replaced.local_tag}"
    return f"<{uri}?Replaces={quote(text, safe='')}>"


def replaced_by(stack: Stack, request: Message) -> "tuple[Call | None, int]":
    """Find the call that an INVITE is to take the place of, or the status to refuse it with (RFC 3891 §3); (None, 0)
    for an INVITE that replaces nothing."""
    values = request.headers.get("replaces", ())
    if not values:
        return None, 0
    try:
        if len(values) != 1:
            raise FieldError("more than one Replaces")
        key, early_only = parse_replaces(values[0])
    except FieldError:
        return None, 400
    call = stack.dialogs.get(key)
    if call is None:
        return None, 481
    if call.ending:
        return None, 603
    if call.established:
        return (None, 486) if early_only else (call, 0)
    # An early call may be replaced by whoever it was made for, not by whom it was made to (§3).
    return (call, 0) if call.reinvites.owns_call_id else (None, 481)
