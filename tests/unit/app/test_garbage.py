"""The garbage collector of a server."""

import gc

from ringback.app.garbage import tune


def test_what_has_started_is_left_alone_and_all_is_looked_at_seldom() -> None:
    before = gc.get_threshold()
    try:
        tune()
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() == (2_000, 5, 200)
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
