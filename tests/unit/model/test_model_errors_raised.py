"""Each code of errors and warnings is raised somewhere and tested, or there is a reason why it isn't."""

from functools import lru_cache
from pathlib import Path

import pytest

from ringback.app.conformance.claims import numbers_of_package, numbers_of_tests
from ringback.model.errors import ERRORS, WARNINGS

# It reads all source of the package and the tests.
pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
CODES = ERRORS.keys() | WARNINGS.keys()

NOT_RAISED = {
    "there are no trial accounts": {10002, 14111, 21219, 21404, 21607, 21608},
    "what a later version has is skipped with 12200: it should not end a call": {13245, 13299, 13750},
    "the element has no such attribute in either version": {13211, 13513},
    "numbers are judged as a whole, by 13223 and 13224": {13226, 13247, 13248},
    "every SIP URI is as good as another here: a bad one is 13243, whatever is wrong with it": {13246, 13250},
    "the attribute is free text, which its server judges": {13242, 13244, 13249},
    "headings of the vendor's list": {21100, 21200},
    "there are no premium numbers here": {21202},
    "the prefixes that an account may call are one list: 21215 and 21216": {21203},
    "a call is asked for once, and its sid is its own": {21204},
    "two accounts may show the same verified number": {21453},
    "another code of the same list says it more plainly": {20423, 21407, 21501, 21601, 21619},
    "a conference is entered by its name, not by a sid": {13236, 16003},
    "the reply to a callback of a conference is not read": {16011},
    "a bad attribute of a conference has a code of its own": {16002},
    "carriers tell it in words of their own, which become 30008": {30002, 30004, 30010},
    "recordings of any length are kept, and silent ones are left out": {13617, 16101, 16102},
    "media streams are not rendered yet": {
        *(31900, 31901, 31902, 31903, 31904, 31910, 31920, 31921, 31922, 31923, 31924),
        *(31930, 31931, 31950, 31951, 31960),
    },
    "ConversationRelay is not rendered yet": {64101, 64102, 64105, 64107},
    "nothing tells an application of it yet": {
        *(10001, 13225, 15002, 16001, 16021, 16022, 32011),
    },
}
"""Codes that nothing raises, by the reason."""

UNTESTED = {
    *(13000, 13201, 13210, 13212, 13213, 13214, 13215, 13216, 13217, 13218, 13219, 13220, 13221, 13222, 13223, 13224),
    *(13230, 13231, 13232, 13233, 13234, 13235, 13237, 13238, 13239, 13240, 13243),
    *(14102, 14104, 14105, 14106, 14107, 14109, 16023, 16024),
    *(20003, 20004, 20005, 20006, 20008, 20403, 20409, 20500, 20503),
    *(21207, 21214, 21215, 21216, 21217, 21401, 21402, 21403, 21405, 21406, 21408, 21409, 21420, 21421, 21422),
    *(21450, 21451, 21452, 21454, 21602, 21603, 21604, 21605, 21611, 21612, 21614, 21620, 21623, 21624),
    *(30003, 30006, 30007, 30009),
}
"""Codes that are raised and that no test names. It may only shrink."""


@lru_cache
def raised() -> frozenset[int]:
    return numbers_of_package(ROOT / "src" / "ringback")


def test_every_code_is_raised_or_has_a_reason_why_not() -> None:
    excused = set().union(*NOT_RAISED.values())
    assert sum(map(len, NOT_RAISED.values())) == len(excused), "a code has two reasons"
    assert excused <= CODES
    assert sorted(CODES - raised() - excused) == []


def test_every_code_that_is_raised_is_tested() -> None:
    tested = frozenset().union(*numbers_of_tests(ROOT).values())
    assert sorted((CODES & raised()) - tested - UNTESTED) == []
