"""Keys that were pressed and not taken yet."""

import asyncio

from ringback.calls.keys import MOST_KEYS, KeyBuffer


async def test_keys_come_in_the_order_they_were_pressed() -> None:
    keys = KeyBuffer()
    for key in "1*#":
        keys.press(key)
    assert [await keys.next(0.0) for _ in range(3)] == ["1", "*", "#"]


async def test_a_reader_waits_for_the_next_key() -> None:
    keys = KeyBuffer()
    asyncio.get_running_loop().call_soon(keys.press, "7")
    assert await keys.next(5.0) == "7"


async def test_no_key_in_time_is_none() -> None:
    assert await KeyBuffer().next(0.0) is None


async def test_cleared_keys_are_gone_and_the_next_one_still_comes() -> None:
    keys = KeyBuffer()
    keys.press("1")
    keys.clear()
    assert await keys.next(0.0) is None
    keys.press("2")
    assert await keys.next(0.0) == "2"


async def test_a_caller_who_leans_on_the_keypad_fills_no_memory() -> None:
    keys = KeyBuffer()
    for _ in range(10 * MOST_KEYS):
        keys.press("5")
    taken = 0
    while await keys.next(0.0):
        taken += 1
    assert taken == MOST_KEYS
