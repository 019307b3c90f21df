"""Gather, row by row.

2008-08-01 clause 2.4: action [current document], method [POST], timeout a positive number [5], finishOnKey one key or
empty [#], numDigits 1.. [no limit]; Say, Play and Pause inside. 2010-04-01 clause 2.4: timeout may be 0, finishOnKey
may be several keys, and input, bargeIn, actionOnEmptyResult and the attributes of speech are new.
"""

import pytest
from twiml_calls import BOTH, URL, V2008, V2010, Taken, codes, read, take, verb

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.testing.fake_call import HangUp, Press

MENU = "http://app.example/menu"
END = "<Response/>"
PROMPT = "<Say>" + "x" * 150 + "</Say>"
"""Ten seconds."""


def gather(attributes: str = "", script: list[Press | HangUp] | None = None, inside: str = "", **more: object) -> Taken:
    """Gather to /menu, then say that nothing came."""
    markup = f'<Gather action="/menu" {attributes}>{inside}</Gather><Say>nothing</Say>'
    return take(markup, script or [], pages={MENU: END}, **more)  # type: ignore[arg-type]


def digits(taken: Taken) -> str | None:
    return taken.requests[0][2]["Digits"] if taken.requests else None


# -- action and method ---------------------------------------------------------------------------------------------


@pytest.mark.conforms(
    "*/2.4/action",
    "2008-08-01/1.4/relative",
    "2010-04-01/1/relative",
    "2008-08-01/1.1/verbs",
    "*/2.4/method-default",
    "2010-04-01/1/methods",
)
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("action", "target"),
    [
        ('action="/menu?a=1"', "http://app.example/menu?a=1"),
        ('action="menu"', "http://app.example/voice/menu"),
        ('action="http://other.example/"', "http://other.example/"),
    ],
)
def test_action_resolves_against_the_document(version: ApiVersion, action: str, target: str) -> None:
    taken = take(f"<Gather {action}/>", [Press(1, "1#")], version, pages={target: END})
    assert [(asked[0], asked[1]) for asked in taken.requests] == [("POST", target)]


@pytest.mark.conforms("*/2.4/action-default")
@pytest.mark.parametrize("version", BOTH)
def test_without_an_action_the_document_itself_is_asked(version: ApiVersion) -> None:
    documents = iter(["<Response><Gather/></Response>", END])
    taken = take("", [Press(1, "1#")], version, first=lambda _: next(documents))
    assert [asked[1] for asked in taken.requests] == [URL]


@pytest.mark.conforms("*/2.4/method")
@pytest.mark.parametrize("version", BOTH)
def test_method(version: ApiVersion) -> None:
    assert gather('method="GET"', [Press(1, "1#")], version=version).requests[0][0] == "GET"
    assert codes('<Gather method="PUT"/>', version) == [13312]
    assert verb('<Gather method="PUT"/>', version).method == "POST"


@pytest.mark.conforms("*/2.4/Digits", "2010-04-01/2.4/FinishedOnKey", "2008-08-01/2.4/submits")
@pytest.mark.parametrize(
    ("version", "parameters"),
    [(V2008, {"Digits": "12"}), (V2010, {"Digits": "12", "FinishedOnKey": "#", "msg": "Gather End"})],
)
def test_what_the_action_is_told(version: ApiVersion, parameters: dict[str, str]) -> None:
    assert gather("", [Press(1, "12#")], version=version).requests == [("POST", MENU, parameters)]


def test_2010_tells_that_no_key_finished_it() -> None:
    told = gather("", [Press(1, "12")]).requests[0][2]
    assert told == {"Digits": "12", "FinishedOnKey": "", "msg": "Gather End"}


# -- timeout -------------------------------------------------------------------------------------------------------


@pytest.mark.conforms("*/2.4/timeout-begins", "*/2.4/timeout-default", "*/2.4/nothing")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(("attribute", "seconds"), [("", 5), ('timeout="1"', 1), ('timeout="30"', 30)])
def test_timeout_counts_from_the_end_of_the_prompts(version: ApiVersion, attribute: str, seconds: int) -> None:
    taken = gather(attribute, inside=PROMPT, version=version)
    assert taken.times == [(0, 10), (10 + seconds, pytest.approx(10 + seconds + 7 / 15, abs=0.001))]
    assert (taken.heard[1], taken.requests) == ("nothing", [])


@pytest.mark.conforms("*/2.4/timeout-begins", "*/2.4/timeout")
@pytest.mark.parametrize("version", BOTH)
def test_timeout_counts_again_from_every_key(version: ApiVersion) -> None:
    taken = gather('timeout="3"', [Press(2, "1"), Press(4, "2"), Press(6.5, "3")], version=version)
    assert digits(taken) == "123"
    assert taken.call.ended_at == pytest.approx(9.5)


@pytest.mark.parametrize("version", BOTH)
def test_a_key_during_the_prompt_starts_the_timeout(version: ApiVersion) -> None:
    taken = gather('timeout="3"', [Press(2, "1")], inside=PROMPT, version=version)
    assert (digits(taken), taken.call.ended_at) == ("1", 5)


def test_timeout_0_is_for_2010_only() -> None:
    assert codes('<Gather timeout="0"/>', V2010) == []
    assert codes('<Gather timeout="0"/>', V2008) == [13313]
    assert gather('timeout="0"', inside=PROMPT).times[1][0] == 10


@pytest.mark.conforms("*/2.4/timeout", "*/2.4/timeout-default", "2008-08-01/9/gather-timeout")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("timeout", ["-1", "x", "2.5", ""])
def test_a_bad_timeout_is_a_warning_and_5(version: ApiVersion, timeout: str) -> None:
    markup = f'<Gather timeout="{timeout}"/>'
    assert (codes(markup, version), verb(markup, version).timeout) == ([13313], 5)


# -- finishOnKey ---------------------------------------------------------------------------------------------------


@pytest.mark.conforms("*/2.4/finishOnKey", "*/2.4/finishOnKey-default")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("attribute", "keys", "sent"),
    [
        ("", "12#3", "12"),
        ("", "1*2#", "1*2"),
        ('finishOnKey="*"', "1#2*3", "1#2"),
        ('finishOnKey="5"', "12#5", "12#"),
        ('finishOnKey=""', "1#2*", "1#2*"),
    ],
)
def test_the_finish_key_ends_it_and_is_not_sent(version: ApiVersion, attribute: str, keys: str, sent: str) -> None:
    taken = gather(attribute, [Press(1, keys)], version=version)
    assert digits(taken) == sent


@pytest.mark.conforms("*/2.4/finishOnKey-empty")
@pytest.mark.parametrize("version", BOTH)
def test_an_empty_finish_key_waits_for_the_timeout(version: ApiVersion) -> None:
    taken = gather('finishOnKey=""', [Press(1, "1#")], version=version)
    assert taken.call.ended_at == pytest.approx(1.1 + 5)


@pytest.mark.conforms("*/2.4/finishOnKey-first")
@pytest.mark.parametrize("version", BOTH)
def test_the_finish_key_alone_falls_through(version: ApiVersion) -> None:
    taken = gather("", [Press(1, "#")], version=version)
    assert (taken.requests, taken.heard, taken.times[0][0]) == ([], ["nothing"], 1)
    assert taken.results()[0] == ("Gather", "no keys")


def test_several_finish_keys_are_for_2010_only() -> None:
    assert codes('<Gather finishOnKey="*#0"/>', V2008) == [13311]
    assert verb('<Gather finishOnKey="*#0"/>', V2008).finish_on_key == "#"
    told = gather('finishOnKey="*#0"', [Press(1, "12*")]).requests[0][2]
    assert (told["Digits"], told["FinishedOnKey"]) == ("12", "*")


@pytest.mark.conforms("*/2.4/finishOnKey")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("keys", ["A", "12x", "##?"])
def test_a_finish_key_that_is_no_key_is_a_warning(version: ApiVersion, keys: str) -> None:
    assert codes(f'<Gather finishOnKey="{keys}"/>', version) == [13310]


# -- numDigits -----------------------------------------------------------------------------------------------------


@pytest.mark.conforms("*/2.4/numDigits")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("number", "keys", "sent", "ended"), [(1, "12", "1", 1), (3, "1234", "123", 1.2), (5, "12#", "12", 1.2)]
)
def test_num_digits(version: ApiVersion, number: int, keys: str, sent: str, ended: float) -> None:
    taken = gather(f'numDigits="{number}"', [Press(1, keys)], version=version)
    assert (digits(taken), taken.call.ended_at) == (sent, pytest.approx(ended))


@pytest.mark.parametrize("version", BOTH)
def test_num_digits_counts_with_an_empty_finish_key(version: ApiVersion) -> None:
    assert digits(gather('finishOnKey="" numDigits="2"', [Press(1, "1#9")], version=version)) == "1#"


@pytest.mark.conforms("*/2.4/numDigits", "*/2.4/numDigits-default")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("number", ["0", "-1", "x", ""])
def test_bad_num_digits_is_a_warning_and_no_limit(version: ApiVersion, number: str) -> None:
    markup = f'<Gather numDigits="{number}"/>'
    assert (codes(markup, version), verb(markup, version).num_digits) == ([13314], None)


def test_without_a_limit_of_its_own_it_has_one_all_the_same() -> None:
    taken = gather("", [Press(0, "1" * 1001)])
    assert (len(digits(taken) or ""), taken.call.ended_at) == (1000, pytest.approx(99.9))


# -- prompts -------------------------------------------------------------------------------------------------------


@pytest.mark.conforms("2008-08-01/2.4/prompts", "2010-04-01/2.4/nested")
@pytest.mark.parametrize("version", BOTH)
def test_prompts_play_in_order_while_it_listens(version: ApiVersion) -> None:
    inside = f"{PROMPT}<Pause length='2'/><Play loop='2'>/tune.wav</Play>"
    taken = gather("", inside=inside, version=version, audio={"http://app.example/tune.wav": 1.5})
    assert taken.times[:2] == [(0, 10), (12, 15)]
    assert taken.times[2][0] == 20


@pytest.mark.conforms("2008-08-01/2.4/first-key-stops", "2010-04-01/2.4/bargeIn-default")
@pytest.mark.parametrize("version", BOTH)
def test_the_first_key_stops_the_prompts_at_once(version: ApiVersion) -> None:
    taken = gather("", [Press(2, "1"), Press(4, "#")], inside=PROMPT + PROMPT, version=version)
    assert taken.times == [(0, 2)]
    assert (digits(taken), taken.call.ended_at) == ("1", 4)
    assert taken.results()[0] == ("Say", "cut short")


@pytest.mark.parametrize("version", BOTH)
def test_a_key_during_a_pause_skips_the_rest(version: ApiVersion) -> None:
    taken = gather('numDigits="1"', [Press(3, "1")], inside=f"<Pause length='9'/>{PROMPT}", version=version)
    assert (taken.heard, taken.call.ended_at) == ([], 3)


@pytest.mark.parametrize("version", BOTH)
def test_a_key_with_the_last_sample_counts(version: ApiVersion) -> None:
    assert digits(gather('numDigits="1" timeout="1"', [Press(10, "1")], inside=PROMPT, version=version)) == "1"


@pytest.mark.conforms("2008-08-01/2.4/nested-verb", "2010-04-01/2.4/nested", "2008-08-01/2.1/nesting-gather")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "inside", ["<Dial>1</Dial>", "<Gather/>", "<Redirect/>", "<Hangup/>", "<Record/>", "<Nonsense/>", "<say>x</say>"]
)
def test_other_elements_inside_are_warnings(version: ApiVersion, inside: str) -> None:
    assert codes(f"<Gather>{inside}</Gather>", version) == [13320]
    assert verb(f"<Gather>{inside}</Gather>", version).prompts == ()


@pytest.mark.parametrize("version", BOTH)
def test_text_inside_is_a_warning(version: ApiVersion) -> None:
    assert codes("<Gather>Press 1<Say>x</Say></Gather>", version) == [12200]


@pytest.mark.conforms("2008-08-01/1.6/play")
@pytest.mark.parametrize("version", BOTH)
def test_a_prompt_that_is_no_audio_has_a_code_of_its_own(version: ApiVersion) -> None:
    audio = {"http://app.example/tune.wav": ApplicationError(13420, "a picture", "http://app.example/tune.wav")}
    taken = gather("", inside="<Play>/tune.wav</Play>", version=version, audio=audio)
    assert taken.end.error_code == 13325
    audio = {"http://app.example/tune.wav": ApplicationError(11200, "gone", None)}
    assert gather("", inside="<Play>/tune.wav</Play>", version=version, audio=audio).end.error_code == 11200


@pytest.mark.parametrize("version", BOTH)
def test_a_prompt_that_cannot_be_spoken_leaves_the_listening(version: ApiVersion) -> None:
    taken = gather("", [Press(1, "1#")], inside=PROMPT, version=version, mute=ApplicationError(12400, "no engine"))
    assert (taken.codes(), digits(taken)) == ([12400], "1")


# -- typing ahead --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("before", [PROMPT, "<Play>/tune.wav</Play>", "<Pause length='10'/>"])
def test_keys_pressed_before_it_are_dropped(version: ApiVersion, before: str) -> None:
    markup = f'{before}<Gather action="/menu"/>'
    audio = {"http://app.example/tune.wav": 10.0}
    taken = take(markup, [Press(2, "9"), Press(11, "1#")], version, audio=audio, pages={MENU: END})
    assert digits(taken) == "1"


@pytest.mark.parametrize("version", BOTH)
def test_keys_pressed_while_the_next_document_comes_are_kept_and_skip_its_prompts(version: ApiVersion) -> None:
    pages = {
        MENU: f'<Response><Gather action="/sub" numDigits="1">{PROMPT}</Gather></Response>',
        "http://app.example/sub": END,
    }
    markup = '<Gather action="/menu" numDigits="1"/>'
    taken = take(markup, [Press(3, "12")], version, pages=pages, fetch_seconds=1.0)
    assert [asked[2]["Digits"] for asked in taken.requests] == ["1", "2"]
    assert taken.heard == []


@pytest.mark.parametrize("version", BOTH)
def test_one_gather_after_another_loses_no_key(version: ApiVersion) -> None:
    taken = take(
        '<Gather timeout="1"/><Gather timeout="9" action="/menu"/>', [Press(2, "1#")], version, pages={MENU: END}
    )
    assert digits(taken) == "1"


# -- what 2010 added -----------------------------------------------------------------------------------------------


@pytest.mark.conforms("2010-04-01/2.4/bargeIn")
def test_barge_in_false_plays_the_prompts_to_their_end_and_keeps_the_keys() -> None:
    taken = gather('bargeIn="false" timeout="2"', [Press(1, "12")], inside=PROMPT)
    assert taken.times[0] == (0, 10)
    assert (digits(taken), taken.call.ended_at) == ("12", 12)
    assert gather('bargeIn="false"', [Press(1, "12#")], inside=PROMPT).call.ended_at == 10


@pytest.mark.conforms("2010-04-01/2.4/actionOnEmptyResult", "2010-04-01/2.4/empty-result")
def test_action_on_empty_result_asks_without_keys() -> None:
    taken = gather('actionOnEmptyResult="true"')
    assert taken.requests == [("POST", MENU, {"Digits": "", "FinishedOnKey": ""})]
    taken = gather('actionOnEmptyResult="true"', [Press(1, "#")])
    assert taken.requests == [("POST", MENU, {"Digits": "", "FinishedOnKey": "#"})]


@pytest.mark.parametrize("value", ["speech", "dtmf speech", "speech dtmf"])
def test_speech_is_a_warning_that_says_it_is_not_listened_for(value: str) -> None:
    (warning,) = read(f'<Gather input="{value}"/>').warnings
    assert warning.code == 13326
    assert "does not listen for speech yet" in warning.message


def test_with_keys_and_speech_the_keys_are_gathered() -> None:
    taken = gather('input="dtmf speech"', [Press(1, "1#")], inside=PROMPT)
    assert (digits(taken), taken.codes()) == ("1", [13326])


def test_with_speech_alone_the_caller_counts_as_silent() -> None:
    taken = gather('input="speech" timeout="4"', [Press(1, "1#")], inside=PROMPT)
    assert (taken.requests, taken.heard[1], taken.times[1][0]) == ([], "nothing", 14)
    assert taken.results()[1] == ("Gather", "no speech")
    asked = gather('input="speech" actionOnEmptyResult="true"', inside=PROMPT)
    assert asked.requests == [("POST", MENU, {"SpeechResult": ""})]


@pytest.mark.conforms(
    "2010-04-01/2.4/input",
    "2010-04-01/2.4/speechTimeout",
    "2010-04-01/2.4/maxSpeechTime",
    "2010-04-01/2.4/language",
    "2010-04-01/2.4/hints",
    "2010-04-01/2.4/profanityFilter",
    "2010-04-01/2.4/speechModel",
    "2010-04-01/2.4/enhanced",
    "2010-04-01/2.4/partialResultCallbackMethod",
    "2010-04-01/2.4/debug",
    "2010-04-01/2.4/bargeIn",
)
@pytest.mark.parametrize(
    ("attribute", "good", "bad", "code"),
    [
        ("input", ["dtmf", "speech", "dtmf speech"], ["", "voice", "dtmf,speech"], 13326),
        ("speechTimeout", ["auto", "0", "3"], ["-1", "soon", ""], 13327),
        ("maxSpeechTime", ["1", "60"], ["0", "61", "x"], 13328),
        ("partialResultCallbackMethod", ["GET", "POST"], ["PUT"], 13329),
        ("hints", ["", "yes, no", ",".join(["x" * 100] * 500)], ["x" * 101, ",".join("x" * 501)], 13330),
        ("language", ["en-US", "de-DE", "cmn-Hans-CN"], ["", "deutsch!"], 13331),
        ("bargeIn", ["true", "false"], ["yes", "TRUE"], 13332),
        ("profanityFilter", ["true", "false"], ["1"], 13333),
        ("speechModel", ["default", "phone_call", "deepgram_nova-3"], ["best"], 13334),
        ("actionOnEmptyResult", ["true", "false"], ["maybe"], 12200),
        ("enhanced", ["true", "false"], ["very"], 12200),
        ("debug", ["true", "false"], ["1"], 12200),
        ("partialResultCallback", ["/partial", ""], [], 12200),
    ],
)
def test_what_2010_added_is_checked_and_unknown_in_2008(
    attribute: str, good: list[str], bad: list[str], code: int
) -> None:
    for value in good:
        told = codes(f'<Gather {attribute}="{value}"/>')
        assert told == ([13326] if "speech" in value else []), value
    for value in bad:
        assert codes(f'<Gather {attribute}="{value}"/>') == [code], value
    assert codes(f'<Gather {attribute}="{good[0]}"/>', V2008) == [12200]


@pytest.mark.conforms(
    "2010-04-01/2.4/input-default",
    "2010-04-01/2.4/maxSpeechTime-default",
    "2010-04-01/2.4/language-default",
    "2010-04-01/2.4/profanityFilter-default",
    "2010-04-01/2.4/speechModel-default",
    "2010-04-01/2.4/bargeIn-default",
    "2010-04-01/2.4/actionOnEmptyResult-default",
)
def test_defaults_of_what_2010_added() -> None:
    it = verb("<Gather/>")
    assert (it.input, it.barge_in, it.action_on_empty_result, it.speech_timeout) == (("dtmf",), True, False, None)
    assert (it.max_speech_time, it.language, it.hints, it.profanity_filter) == (60, "en-US", "", True)
    assert (it.speech_model, it.enhanced, it.partial_result_callback, it.debug) == ("default", False, "", False)


@pytest.mark.conforms("2010-04-01/2.4/speechTimeout")
def test_automatic_speech_timeout_does_not_go_with_the_default_model() -> None:
    assert codes('<Gather input="speech" speechTimeout="auto"/>') == [13335, 13326]
    assert codes('<Gather input="speech" speechTimeout="auto" speechModel="phone_call"/>') == [13326]


@pytest.mark.parametrize("version", BOTH)
def test_a_hangup_while_it_listens_ends_the_session(version: ApiVersion) -> None:
    taken = gather("", [Press(1, "1"), HangUp(3)], inside=PROMPT, version=version)
    assert (taken.requests, taken.end.reason, taken.call.ended_at) == ([], "caller-hangup", 3)


def test_the_timeline_shows_what_was_given() -> None:
    assert verb('<Gather input="speech dtmf" numDigits="1" timeout="5"/>').given() == {
        "input": "dtmf speech",
        "numDigits": 1,
    }
