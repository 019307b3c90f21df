"""One file a verb. Here is the list of them, and of those that the language has and Ringback does not render yet."""

from collections.abc import Mapping

from ringback.model.status import ApiVersion
from ringback.twiml.verb import Verb
from ringback.twiml.verbs.dial import Dial
from ringback.twiml.verbs.echo import Echo
from ringback.twiml.verbs.enqueue import Enqueue, Leave
from ringback.twiml.verbs.gather import Gather
from ringback.twiml.verbs.hangup import Hangup
from ringback.twiml.verbs.pause import Pause
from ringback.twiml.verbs.play import Play
from ringback.twiml.verbs.record import Record
from ringback.twiml.verbs.redirect import Redirect
from ringback.twiml.verbs.reject import Reject
from ringback.twiml.verbs.say import Say
from ringback.twiml.verbs.sms import Sms

RENDERED: Mapping[str, type[Verb]] = {
    verb.name: verb
    for verb in (
        Say, Play, Gather, Record, Dial, Sms, Enqueue, Leave, Pause, Echo, Redirect, Hangup, Reject,
    )
}  # fmt: skip
"""Verbs by the names of their elements."""

NOT_YET: Mapping[str, ApiVersion] = {
    "Connect": ApiVersion.V2010,
    "Pay": ApiVersion.V2010,
    "Prompt": ApiVersion.V2010,
    "Queue": ApiVersion.V2010,
    "Refer": ApiVersion.V2010,
    "Start": ApiVersion.V2010,
    "Stop": ApiVersion.V2010,
}
"""Verbs of the language that are skipped with a warning, and the version that introduced each."""
