"""Two SMPP sessions joined back to back, and octets of other makes to throw at one."""

from dataclasses import dataclass, field

import smpp34

from ringback.messaging.smpp.pdu import Bind
from ringback.messaging.smpp.session import Event, Send, Session, Timers

BIND = Bind("esme", "secret")
TIMERS = Timers(session_init=10, enquire_link=30, response=10)


@dataclass
class Line:
    """An ESME and an SMSC, and what each was told."""

    bind: Bind = BIND
    now: float = 0.0
    told: dict[str, list[Event]] = field(default_factory=lambda: {"esme": [], "smsc": []})

    def __post_init__(self) -> None:
        self.esme = Session("esme", self.now, timers=TIMERS, bind=self.bind)
        self.smsc = Session("smsc", self.now, timers=TIMERS)
        self.run()

    def run(self) -> None:
        """Carry octets to and fro until there are none."""
        busy = True
        while busy:
            busy = False
            for name, session, other in (("esme", self.esme, self.smsc), ("smsc", self.smsc, self.esme)):
                while (event := session.poll()) is not None:
                    busy = True
                    if isinstance(event, Send):
                        other.receive(event.data, self.now)
                    else:
                        self.told[name].append(event)

    def accept(self) -> "Line":
        """Let the ESME in."""
        asked = self.told["smsc"][0]
        self.smsc.accept_bind(asked, "smsc")  # type: ignore[arg-type]
        self.run()
        return self

    def wait(self, seconds: float) -> None:
        """Let time go by on both sides."""
        self.now += seconds
        self.esme.handle_timeout(self.now)
        self.smsc.handle_timeout(self.now)
        self.run()

    def take(self, name: str) -> list[Event]:
        """Return what one side was told since the last look."""
        told, self.told[name] = self.told[name], []
        return told


def submit(text: bytes = b"hello") -> smpp34.SubmitSm:
    return smpp34.SubmitSm("123", "456", text)


def deliver(text: bytes = b"hello") -> smpp34.DeliverSm:
    return smpp34.DeliverSm("123", "456", text)
