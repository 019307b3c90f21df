"""What a call tells of itself."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened in a call."""

    at: float
    """Seconds since the INVITE was sent."""
    kind: str
    """`calling`, `ringing`, `answered`, `sound` (the first audio after the answer or a key), `key` (we pressed one),
    `key-heard` (they did), `hold`, `ended`."""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """How a call that was answered has ended."""

    by: str
    """`us`, `them`, or `network` when the other side was lost."""
    reason: str = ""

    @property
    def normal(self) -> bool:
        """Somebody hung up."""
        return self.by != "network"

    def __str__(self) -> str:
        who = {"us": "we hung up", "them": "the other side hung up", "network": "the other side was lost"}[self.by]
        return f"{who} ({self.reason})" if self.reason else who
