"""A call that is asked for is kept as JSON until it is made, by this release or by the next one."""

import json

from ringback.model.outgoing import MachineDetection, OutgoingCall, RecordingOptions
from ringback.model.status import ApiVersion

SID = "AC" + "0" * 32
PLAIN = OutgoingCall(SID, "+14155550100", "+15550100001")
WHOLE = OutgoingCall(
    SID,
    "+14155550100",
    "+15550100001",
    ApiVersion.V2008,
    url="http://app.example/",
    status_callback_events=("initiated", "answered"),
    time_limit=60,
    machine_detection=MachineDetection("DetectMessageEnd", 10, hangup=True),
    record=RecordingOptions("dual", status_callback_events=("in-progress", "completed")),
)


def test_it_comes_back_as_it_went() -> None:
    for call in (PLAIN, WHOLE):
        assert OutgoingCall.from_json(json.loads(json.dumps(call.to_json()))) == call


def test_names_of_another_release_do_no_harm() -> None:
    """What this one does not know is left out, what the other did not write is the default."""
    values = PLAIN.to_json()
    for name in ("api_version", "status_callback_events", "machine_detection", "record"):
        del values[name]
    assert OutgoingCall.from_json({**values, "colour": "blue"}) == PLAIN
    options = {"record": {"channels": "dual", "tempo": 2}, "machine_detection": {"mode": "Enable", "mood": "good"}}
    read = OutgoingCall.from_json({**values, **options})
    assert (read.record, read.machine_detection) == (RecordingOptions("dual"), MachineDetection())
