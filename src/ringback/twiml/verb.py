"""What all verbs have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attributes_of
from ringback.twiml.reader import Reader
from ringback.twiml.services import Fetch
from ringback.twiml.sounds import Sound

if TYPE_CHECKING:
    from ringback.twiml.session import Session


@dataclass(frozen=True, slots=True)
class GoOn:
    """The verb below comes next."""

    result: str = "done"


@dataclass(frozen=True, slots=True)
class End:
    """The session is over."""

    reason: str
    error_code: int | None = None


Next = GoOn | Fetch | End
"""What a verb leads to: the verb below, another document, or the end."""


@dataclass(frozen=True)
class Verb:
    """A verb with its attributes, as a document gives it."""

    name: ClassVar[str]
    """The name of its element."""
    since: ClassVar[ApiVersion] = ApiVersion.V2008
    """The version that introduced it."""
    drops_keys: ClassVar[bool] = False
    """At the top of a document, keys pressed while it runs are forgotten."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build the verb from its element, with a warning for whatever is wrong; None when nothing is left to do.

        `nested` says that it stands inside Gather. Verbs with text or children of their own override this.
        """
        reader.nothing(element)
        return cls(**reader.attributes(cls, element, nested=nested))

    def given(self) -> dict[str, Any]:
        """The attributes that differ from their defaults, by their names in TwiML, for the call's timeline."""
        known = attributes_of(type(self)).items()
        values = ((name, getattr(self, field), attribute.default) for name, (field, attribute) in known)
        return {name: _plain(value) for name, value, default in values if value != default}

    def content(self) -> str:
        """The text between its tags, for the call's timeline."""
        return ""

    def picks_up(self, version: ApiVersion) -> bool:
        """Whether the call is answered before the verb runs."""
        return True

    def sounds(self, session: "Session") -> tuple[Sound, ...]:
        """What it will play, so that it can be made ready while the verb before still plays."""
        return ()

    async def run(self, session: "Session") -> Next:
        """Do it. Raises ApplicationError when it fails for good."""
        raise NotImplementedError


def _plain(value: Any) -> Any:
    """What a timeline can keep: JSON has no tuples."""
    return " ".join(value) if isinstance(value, tuple) else value
