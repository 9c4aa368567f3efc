"""The verdict: what an agent does, weighed from what its program says and what its screen shows.

In order of authority: a blocker that stands on the screen, a signal newer than our last input, a screen that shows
work, a screen that stands idle. A signal falls only where the screen has contradicted it for long enough. What says
nothing overwrites nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agentctl.domain.agent import Activity, Ask, AskKind, Phase
from agentctl.domain.evidence import Looked, Meaning, Sight, Sign, Verdict
from agentctl.domain.text import safe_line

_SETTLED = timedelta(seconds=1)
"""An idle screen counts after this: between two steps of its work a program may look idle for a moment."""

_SINKS_IN = timedelta(seconds=3)
"""A program that signals prompts has signalled one this long after it was typed; the slowest measured needs 2 s."""

_STANDS_STILL = timedelta(seconds=10)
"""An idle screen that was not even drawn anew for this long is proof too: one that works moves every second."""

_QUOTED = 120
"""Characters of a program's own words that stand in evidence."""

_SAYS: dict[Meaning, Activity] = {
    Meaning.PROMPT: Activity.WORKING,
    Meaning.TOOL: Activity.WORKING,
    Meaning.TOOL_END: Activity.WORKING,
    Meaning.BUSY: Activity.WORKING,
    Meaning.ASKING: Activity.WAITING,
    Meaning.TURN_END: Activity.IDLE,
    Meaning.ERROR: Activity.IDLE,
    Meaning.READY: Activity.IDLE,
    Meaning.IDLE: Activity.IDLE,
}
"""What each signal says; a conversation that begins or a program that ends says nothing of work."""

_HOOK = "hook"
"""The source of what the program says itself, by whatever way."""

_AT_WORK = (Phase.REASONING, Phase.EXECUTING)

_OF_TOOL = frozenset({Meaning.TOOL, Meaning.ASKING})
"""While these were heard last, a tool that runs still runs: neither an answer to its question nor our input ends it."""

_QUOTES = frozenset({Meaning.TOOL, Meaning.ASKING, Meaning.ERROR})
"""Signals whose text is short and tells something; prompts and answers stay out of evidence."""


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """How long the screen has to say otherwise before a signal falls, and what that means."""

    patience: timedelta
    means: str


_CONTRADICTIONS: dict[tuple[Activity, Activity], _Contradiction] = {
    (Activity.WORKING, Activity.IDLE): _Contradiction(timedelta(seconds=3), "it was interrupted after"),
    (Activity.IDLE, Activity.WORKING): _Contradiction(timedelta(seconds=2), "it works on after"),
    (Activity.WAITING, Activity.IDLE): _Contradiction(timedelta(seconds=2), "nothing is asked any more, after"),
    (Activity.WAITING, Activity.WORKING): _Contradiction(timedelta(seconds=2), "nothing is asked any more, after"),
}
"""By what the signal says and what the screen says. In some programs Esc fires no hook: the screen has to tell."""

_BACKGROUND = _Contradiction(timedelta(minutes=10), "nothing has shown of the background work of")
"""Background work leaves the screen idle; but a server that it left running is no work that ends."""

_PATIENCES = (
    _SETTLED, _SINKS_IN, _STANDS_STILL, _BACKGROUND.patience, *(row.patience for row in _CONTRADICTIONS.values()),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that is known at one moment."""

    heard: Sign | None
    looked: Looked | None
    last_input: datetime | None
    now: datetime
    own_signals: bool
    own_tools: bool
    said: Activity | None
    phase: Phase | None

    @property
    def sign(self) -> Sign | None:
        """Return the last signal, None where it says nothing of work or of what came after our last input."""
        if self.heard is None or _activity(self.heard) is None or self._is_before_input(self.heard.at):
            return None
        return self.heard

    @property
    def sight(self) -> Sight | None:
        """Return what the screen says, None where it was last looked at before our last input."""
        if self.looked is None or self._is_before_input(self.looked.at):
            return None
        return self.looked.sight

    def lasted(self, *since: datetime | None) -> timedelta:
        """Return how long the sight has stood, from the last of *since* at the earliest."""
        moments = [self.looked.since] if self.looked is not None else []
        return self.now - max([*moments, *(moment for moment in since if moment is not None)])

    def drawn_after(self, moment: datetime | None) -> bool:
        """Tell whether the screen has changed since *moment*."""
        return self.looked is not None and (moment is None or self.looked.drawn > moment)

    def saw_question(self, moment: datetime) -> bool:
        """Tell whether the screen was seen to ask something since *moment*."""
        return self.looked is not None and self.looked.asked is not None and self.looked.asked >= moment

    def _is_before_input(self, moment: datetime) -> bool:
        return self.last_input is not None and moment < self.last_input


def judge(
    sign: Sign | None,
    looked: Looked | None,
    last_input: datetime | None,
    now: datetime,
    *,
    own_signals: bool,
    own_tools: bool = False,
    said: Activity | None = None,
    phase: Phase | None = None,
) -> Verdict | None:
    """Return what the agent does, None where nothing can be said now that was not said before.

    *sign* is the last signal that `speaks`; *last_input* is when our last input began to be typed; *own_signals* tells
    whether the program signals the prompts that it takes, and *own_tools* whether it signals its tools; *said* and
    *phase* are what the log says it does. The answer is unknown only where what was said is contradicted and nothing
    takes its place.
    """
    scene = _Scene(sign, looked, last_input, now, own_signals, own_tools, said, phase)
    return next((verdict for weigh in _AUTHORITY if (verdict := weigh(scene)) is not None), None)


def next_verdict(
    sign: Sign | None,
    looked: Looked | None,
    last_input: datetime | None,
    now: datetime,
    *,
    own_signals: bool,
    own_tools: bool = False,
    said: Activity | None = None,
    phase: Phase | None = None,
) -> datetime | None:
    """Return the next moment at which `judge` answers otherwise with no new evidence, None where it never does."""

    def at(moment: datetime) -> Verdict | None:
        return judge(
            sign, looked, last_input, moment, own_signals=own_signals, own_tools=own_tools, said=said, phase=phase
        )

    since = {looked.since if looked else None, sign.at if sign else None, last_input} - {None}
    moments = sorted({moment + patience for moment in since if moment is not None for patience in _PATIENCES})
    current = at(now)
    return next((moment for moment in moments if moment > now and at(moment) != current), None)


def speaks(sign: Sign, before: Sign | None = None) -> bool:
    """Tell whether *sign* says what the agent does; one that does not must not take the place of *before*, which does.

    A tool that was broken off may end after the turn that it was part of: that begins no work.
    """
    is_late = sign.meaning is Meaning.TOOL_END and before is not None and _activity(before) is Activity.IDLE
    return _activity(sign) is not None and not is_late


# --- in order of authority ---


def _blocker(scene: _Scene) -> Verdict | None:
    """Weigh what has to be answered first, whatever else anybody says."""
    if scene.looked is None or scene.looked.sight.activity is not Activity.WAITING:
        return None
    sight = scene.looked.sight
    return _seen(sight, Activity.WAITING, ask=sight.ask or _ask(sight.line or sight.rule))


def _contradicted(scene: _Scene) -> Verdict | None:
    """Weigh a screen that has said otherwise than the last signal for so long that the signal no longer holds."""
    sign, sight = scene.sign, scene.sight
    if sign is None or sight is None or sight.activity is None:
        return None
    row = _contradiction(sign, sight.activity)
    patience = _patience(row, scene, sign) if row is not None else None
    if row is None or patience is None or scene.lasted(sign.at) < patience:
        return None
    return _seen(_with_tool(scene, sight), sight.activity, because=f"{row.means} {_named(sign)}")


def _signalled(scene: _Scene) -> Verdict | None:
    """Weigh what the program has said since our last input."""
    sign = scene.sign
    activity = _activity(sign) if sign is not None else None
    if sign is None or activity is None:
        return None
    evidence = f"{_named(sign)}, with background work" if sign.working else _named(sign)
    ask = _ask(_quoted(sign)) if activity is Activity.WAITING else None
    return Verdict(activity, _HOOK, evidence, _phase(activity, sign, scene), ask)


def _shows_work(scene: _Scene) -> Verdict | None:
    sight = scene.sight
    if sight is None or sight.activity is not Activity.WORKING:
        return None
    return _seen(_with_tool(scene, sight), Activity.WORKING)


def _stands_idle(scene: _Scene) -> Verdict | None:
    """Weigh a screen that has been idle for a moment, once what we typed has had the time to show."""
    sight = scene.sight
    if sight is None or sight.activity is not Activity.IDLE or scene.lasted() < _SETTLED:
        return None
    if scene.last_input is not None:
        wait = _SINKS_IN if scene.own_signals else _SETTLED
        wait = wait if scene.drawn_after(scene.last_input) else _STANDS_STILL
        if scene.now - scene.last_input < wait:
            return None
    return _seen(sight, Activity.IDLE)


def _lost_track(scene: _Scene) -> Verdict | None:
    """Say so where what it asked is gone and nothing else is known."""
    asked = _asked_before_input(scene) if scene.said is None else scene.said is Activity.WAITING
    if not asked or not _is_blank(scene) or scene.lasted(scene.last_input) < _SINKS_IN:
        return None
    return Verdict(Activity.UNKNOWN, "", "what it asked is gone, and nothing tells what it does now")


_AUTHORITY: tuple[Callable[[_Scene], Verdict | None], ...] = (
    _blocker,
    _contradicted,
    _signalled,
    _shows_work,
    _stands_idle,
    _lost_track,
)


# --- what the parts say ---


def _activity(sign: Sign) -> Activity | None:
    activity = _SAYS.get(sign.meaning)
    return Activity.WORKING if sign.working and activity is Activity.IDLE else activity


def _contradiction(sign: Sign, shown: Activity) -> _Contradiction | None:
    said = _activity(sign)
    if said is None:
        return None
    if sign.working and shown is Activity.IDLE:
        return _BACKGROUND
    return _CONTRADICTIONS.get((said, shown))


def _patience(row: _Contradiction, scene: _Scene, sign: Sign) -> timedelta | None:
    """Return how long the screen has to contradict *sign*, None where what it shows is no proof at all."""
    sight = scene.sight
    if sight is None:
        return None
    drawn = scene.drawn_after(sign.at)
    if sight.activity is Activity.WORKING:
        if sign.meaning is Meaning.ASKING and scene.saw_question(sign.at):
            return timedelta()  # it stood there and is gone; without that it may still have to appear
        return row.patience if drawn else None  # what works moves: this is a picture from before the signal
    return row.patience if drawn and sight.composer else max(row.patience, _STANDS_STILL)


def _is_blank(scene: _Scene) -> bool:
    """Tell whether the screen was seen since our last input and no rule knows it; a viewer has a rule, and hides."""
    if scene.looked is None:
        return _asked_before_input(scene)
    return scene.sight is not None and scene.sight.activity is None and not scene.sight.rule


def _asked_before_input(scene: _Scene) -> bool:
    return scene.heard is not None and scene.sign is None and _activity(scene.heard) is Activity.WAITING


def _phase(activity: Activity, sign: Sign, scene: _Scene) -> Phase:
    if activity is Activity.IDLE:
        return Phase.IDLE
    if sign.meaning is Meaning.TOOL:
        return Phase.EXECUTING
    if sign.meaning is Meaning.BUSY and scene.own_tools and scene.phase in _AT_WORK:
        return scene.phase  # a tool would have been signalled, and an answer may quote what the screen shows of one
    if sign.meaning is Meaning.BUSY and scene.sight is not None and scene.sight.activity is Activity.WORKING:
        return scene.sight.phase
    return Phase.REASONING


def _with_tool(scene: _Scene, sight: Sight) -> Sight:
    """Return *sight* with the phase that is known better than it shows: few screens tell that a tool runs."""
    lasts = scene.phase is Phase.EXECUTING and scene.heard is not None and scene.heard.meaning in _OF_TOOL
    return replace(sight, phase=Phase.EXECUTING) if lasts else sight


def _ask(title: str) -> Ask:
    """Return a question of which no more is known than its words."""
    digest = hashlib.sha256(f"{AskKind.OTHER}\0{title}".encode(errors="replace")).hexdigest()
    return Ask(digest[:8], AskKind.OTHER, title)


def _seen(sight: Sight, activity: Activity, *, because: str = "", ask: Ask | None = None) -> Verdict:
    rule = f"(rule {sight.rule})" if sight.rule else ""
    shown = f"screen: “{safe_line(sight.line)[:_QUOTED]}” {rule}" if sight.line else f"screen {rule}"
    evidence = f"{shown.strip()}; {because}" if because else shown.strip()
    return Verdict(activity, "screen", evidence, Phase.IDLE if activity is Activity.IDLE else sight.phase, ask)


def _named(sign: Sign) -> str:
    text = _quoted(sign) if sign.meaning in _QUOTES else ""
    return f"{_HOOK} {safe_line(sign.kind)[:_QUOTED]}" + (f": {text}" if text else "")


def _quoted(sign: Sign) -> str:
    return safe_line(sign.text[: 4 * _QUOTED])[:_QUOTED]
