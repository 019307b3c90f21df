"""Where the switch writes down what happens."""

from typing import Any, Protocol

from ringback.model.records import CallEvent, CallRecord


class Journal(Protocol):
    """Takes events and call records. No method blocks or raises; `ringback.storage.events_writer` is the real one."""

    def note(self, event: CallEvent) -> None:
        """Something happened to a call."""
        ...

    def create_call(self, record: CallRecord) -> None:
        """A call began."""
        ...

    def update_call(self, sid: str, **changes: Any) -> None:
        """Properties of a call's record changed."""
        ...
