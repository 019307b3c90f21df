"""Dial: call others for a call, and connect it to whoever answers first."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ringback.calls import outcome
from ringback.calls.dialing import Dialed, Dialing, DialStatus, Progress, Target
from ringback.calls.errors import CallError
from ringback.calls.house import Placing
from ringback.calls.queues import Waiting
from ringback.calls.race import first_of, stopped
from ringback.calls.recording import Recording
from ringback.calls.transfer import Talk, Terms
from ringback.media.leg import MediaError, MediaLeg
from ringback.model import events
from ringback.model.status import CallStatus, Direction

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

_STATUSES: Final[dict[CallStatus, DialStatus]] = {
    CallStatus.BUSY: "busy",
    CallStatus.NO_ANSWER: "no-answer",
    CallStatus.CANCELED: "canceled",
    CallStatus.FAILED: "failed",
    # A callee who answered and declined, or hung up while it was screened.
    CallStatus.COMPLETED: "no-answer",
}
_RANK: Final[tuple[DialStatus, ...]] = ("busy", "no-answer", "canceled", "failed")


class Dialer:
    """One Dial of one call."""

    def __init__(self, caller: Leg, dialing: Dialing) -> None:
        self._caller = caller
        self._dialing = dialing
        self._legs: list[Leg] = []
        self._winner: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()
        self._early = asyncio.Event()
        self._recording: Recording | None = None
        self._talk: Talk | None = None

    async def run(self) -> Dialed:
        """Call the targets, connect, and return when it is over. Cancelling it ends the calls that were made."""
        caller, dialing = self._caller, self._dialing
        if not dialing.answer_on_bridge:
            await caller.answer()
        try:
            return await self._run()
        finally:
            self._released.set()
            for leg in self._legs:
                given = self._talk is not None and self._talk.given and leg is self._talk.callee
                if not leg.status.final and not given:
                    await leg.hangup(
                        outcome.CANCELED if leg.status is not CallStatus.IN_PROGRESS else outcome.PARENT_ENDED
                    )

    async def _run(self) -> Dialed:
        dialing = self._dialing
        queue = dialing.targets[0].to.removeprefix("queue:") if dialing.targets[0].to.startswith("queue:") else ""
        if queue:
            return await self._from_queue(queue, dialing.targets[0])
        if dialing.record is not None and dialing.record_from_ringing:
            await self._record()
        groups = [(target,) for target in dialing.targets] if dialing.sequential else [dialing.targets]
        async with contextlib.AsyncExitStack() as stack:
            tone = asyncio.get_running_loop().create_task(self._ring_tone(), name="ringback tone")
            stack.push_async_callback(stopped, tone)
            for group in groups:
                winner = await self._call(group)
                if winner is not None:
                    await stopped(tone)
                    return await self._connect(winner)
        return await self._nobody()

    async def _from_queue(self, name: str, target: Target) -> Dialed:
        """Talk to the first who waits in a queue, and wait for one where nobody does."""
        caller = self._caller
        queue = caller.house.queue(caller.info.account_sid, name)
        if queue is None:
            return Dialed("failed")
        taken: list[Waiting] = []

        async def take() -> None:
            taken.append(await queue.take(caller))

        if await first_of(take(), self._star()) == 1 or not taken:
            return Dialed("canceled")
        waiting = taken[0]
        try:
            if target.screen is not None:
                await target.screen(waiting.leg)
            return await self._connect(waiting.leg, keep=True)
        finally:
            waiting.released.set()

    async def _call(self, targets: tuple[Target, ...]) -> Leg | None:
        """Call some targets at once, and return the leg of the first who is ready to talk."""
        legs = [self._place(target) for target in targets]
        self._legs += legs
        try:
            await first_of(self._winner_ready(), self._all_ended(legs), self._star())
        finally:
            winner = self._winner.result() if self._winner.done() else None
            for leg in legs:
                if leg is not winner and not leg.status.final:
                    await leg.hangup(outcome.CANCELED)
        return winner

    async def _winner_ready(self) -> None:
        await asyncio.shield(self._winner)

    async def _all_ended(self, legs: list[Leg]) -> None:
        for leg in legs:
            await leg.ended.wait()

    async def _star(self) -> None:
        """The caller gives up waiting with `*`, where that is allowed."""
        if not self._dialing.hangup_on_star:
            await asyncio.get_running_loop().create_future()
        while await self._caller.next_key() != "*":
            pass

    def _place(self, target: Target) -> Leg:
        caller, dialing = self._caller, self._dialing

        async def conduct(leg: Leg) -> None:
            await self._conduct(leg, target)

        def watch(leg: Leg, progress: Progress) -> None:
            if target.watch is not None:
                target.watch(leg, progress)

        leg = caller.house.place(
            Placing(
                to=target.to,
                caller_id=dialing.caller_id,
                account_sid=caller.info.account_sid,
                api_version=caller.info.api_version,
                direction=Direction.OUTBOUND_DIAL,
                conduct=conduct,
                timeout=dialing.timeout,
                caller_name=caller.info.caller_name,
                username=target.username,
                password=target.password,
                headers=target.headers,
                parent=caller,
                watch=watch,
            )
        )
        leg.on_early_audio = self._rings_with_sound
        return leg

    async def _conduct(self, leg: Leg, target: Target) -> None:
        """The callee has picked up: ask it, then wait while it talks."""
        if target.send_keys:
            await leg.send_keys(target.send_keys)
        if target.screen is not None and not await target.screen(leg):
            await leg.hangup(outcome.DECLINED)
            return
        if self._winner.done() or leg.status.final:
            await leg.hangup(outcome.CANCELED)
            return
        self._winner.set_result(leg)
        await self._released.wait()

    async def _connect(self, callee: Leg, *, keep: bool = False) -> Dialed:
        """Let the two talk; `keep` leaves the callee's call to whoever drives it."""
        caller, dialing = self._caller, self._dialing
        await caller.answer()
        if dialing.record is not None and self._recording is None:
            await self._record()
        began = caller.now()
        terms = Terms(
            dialing.caller_id,
            dialing.time_limit,
            hangup_on_star=dialing.hangup_on_star,
            referrable=dialing.referrable,
        )
        self._talk = Talk(caller, callee, terms)
        end = await self._talk.run()
        seconds = round(caller.now() - began)
        if not callee.status.final and not keep and not self._talk.given:
            await callee.hangup(outcome.PARENT_ENDED)
        if self._recording is not None:
            await self._recording.stop()
        return Dialed(
            status="failed" if end == "failed" else "completed",
            call_sid=callee.info.sid,
            seconds=seconds,
            bridged=end != "failed",
            recording_sid=self._recording.sid if self._recording else "",
            sip_call_id=callee.sip_call_id,
            referred_to=self._talk.referred_to,
        )

    async def _nobody(self) -> Dialed:
        if self._recording is not None:
            await self._recording.stop()
        tried = [(leg, _STATUSES[leg.status]) for leg in self._legs if leg.status.final]
        if not tried:
            return Dialed("canceled")
        leg, status = min(tried, key=lambda each: _RANK.index(each[1]))
        return Dialed(
            status=status,
            call_sid=leg.info.sid,
            recording_sid=self._recording.sid if self._recording else "",
            sip_code=leg.sip_code,
            sip_call_id=leg.sip_call_id,
        )

    async def _record(self) -> None:
        assert self._dialing.record is not None
        try:
            self._recording = await self._caller.record(replace(self._dialing.record, track=self._dialing.record.track))
        except CallError as error:
            self._caller.note(events.WARNING, code=13618, message=str(error))

    async def _ring_tone(self) -> None:
        """What the caller hears until somebody answers: the callee's early audio where there is one, or a tone."""
        caller, dialing = self._caller, self._dialing
        if dialing.answer_on_bridge or caller.audio.leg is None:
            return
        with contextlib.suppress(MediaError):
            await first_of(
                caller.audio.leg.tone("ringback", country=dialing.ring_tone or "us", loop=0), self._early.wait()
            )
            early = next((leg for leg in self._legs if leg.audio.leg is not None), None)
            if early is not None and early.audio.leg is not None and caller.audio.leg is not None:
                await self._pass_early_audio(caller.audio.leg, early.audio.leg)

    async def _pass_early_audio(self, ours: MediaLeg, theirs: MediaLeg) -> None:
        room = self._caller.media.room()
        try:
            await ours.join(room)
            await theirs.join(room)
            await asyncio.get_running_loop().create_future()
        finally:
            await ours.leave()
            await theirs.leave()

    def _rings_with_sound(self, leg: Leg) -> None:
        """A callee sends sound already; with several of them, or a tone that was asked for, it is not passed on."""
        if not self._dialing.ring_tone and len(self._dialing.targets) == 1:
            self._early.set()
