"""Client: a phone that has registered under a name. 2010-04-01 clause 2.6."""

from dataclasses import dataclass
from typing import ClassVar

from ringback.twiml.nouns.callee import Callee

MAX_IDENTITY = 256


@dataclass(frozen=True)
class Client(Callee):
    """The name of a phone; every phone that has registered under it rings."""

    name: ClassVar[str] = "Client"
