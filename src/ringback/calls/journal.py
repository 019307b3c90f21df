"""Where the switch writes down what happens."""

from typing import Any, Protocol

from ringback.model.records import CallEvent, CallRecord


class Journal(Protocol):
    """Takes events and records. No method blocks or raises; `ringback.storage.events_writer` is the real one.

    What is taken is written in the order it came. Besides calls, the records of recordings, transcriptions,
    conferences, participants, queues and their members go this way.
    """

    def note(self, event: CallEvent) -> None:
        """Something happened to a call."""
        ...

    def create_call(self, record: CallRecord) -> None:
        """A call began."""
        ...

    def update_call(self, sid: str, **changes: Any) -> None:
        """Properties of a call's record changed."""
        ...

    def save(self, record: Any) -> None:
        """A record is there, in place of the one with the same key if there is one."""
        ...

    def change(self, kind: type, key: str | tuple[str, ...], **changes: Any) -> None:
        """Properties of a record changed. `kind` is its class; `key` its sid, or (conference, call) of a participant.

        A change that holds a moment (`end_time=…`, `date_updated=…`) is dated with it.
        """
        ...

    def remove(self, kind: type, key: str | tuple[str, ...]) -> None:
        """A record is no more, such as a queue's member who left."""
        ...
