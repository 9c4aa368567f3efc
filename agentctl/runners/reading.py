"""Reading a screen: which of a runner's rules fit, what is asked with which answers, and what stands in the composer.

A rule is believed only where it stands. An agent's answer may quote any dialog, and it stands above the composer: so
a rule that says that a person is asked, or that a viewer is open, sees nothing above it unless its region says so. And
what is open over a composer that still shows has the cursor, which a quotation has not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agentctl.domain.agent import Activity, Ask, AskKind, Phase
from agentctl.domain.evidence import Sight
from agentctl.domain.ports import Shown
from agentctl.domain.text import safe_line
from agentctl.runners.composer import Place, find_composer, read_draft
from agentctl.runners.patterns import compiled
from agentctl.runners.reset import parse_reset
from agentctl.runners.runner import Rule, Runner
from agentctl.runners.screen import Line, read_lines

_STATES = {"idle": Activity.IDLE, "working": Activity.WORKING, "waiting": Activity.WAITING, "none": None}
_PLACEHOLDER = re.compile(r"\{(choice|index|steps)\}")
_CURSOR_WHY = {
    "composer": "the cursor stands in the composer",
    "elsewhere": "the cursor stands not in the composer",
}
_LONGEST_SHOWN = 200
_MOST_OPTIONS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule, held against a screen."""

    rule: Rule
    fits: bool
    why: str
    """The line that it fits, or what it lacks; cleaned."""
    text: str
    """The region that it looked at."""


@dataclass(frozen=True, slots=True)
class Read:
    """Everything that was made of a screen."""

    sight: Sight
    judged: tuple[Judged, ...]
    """Every rule, in the order in which they are asked: the first that fits decides."""
    place: Place | None


def read_screen(runner: Runner, shown: Shown, *, now: datetime | None = None) -> Sight:
    """Return what *shown* says in the terms of *runner*; without *now* the end of a limit stays words. Never raises."""
    return explain_screen(runner, shown, now=now).sight


def explain_screen(runner: Runner, shown: Shown, *, now: datetime | None = None) -> Read:
    """Return what `read_screen` does, with what was made of each rule."""
    lines = read_lines(shown.text)
    place = find_composer(runner.composer, lines)
    regions = _Regions(lines, shown.title, place, shown.cursor)
    judged = tuple(_judge(rule, regions) for rule in sorted(runner.rules, key=lambda rule: -rule.priority))
    first = next((one for one in judged if one.fits), None)
    if first is not None and _looks_below_only(first.rule):
        place = None  # the dialog has what is typed; what looks like a composer above it is an old prompt
    draft = read_draft(runner.composer, lines, place) if runner.composer and place else ""
    return Read(_sight(first, lines, place, draft, now), judged, place)


def _looks_below_only(rule: Rule) -> bool:
    """Tell whether *rule* sees nothing above a composer."""
    return rule.state in ("waiting", "none") and rule.region.startswith(("screen", "bottom"))


class _Regions:
    """The parts of one screen that rules look at: texts, and where the cursor stands among them."""

    def __init__(self, lines: Sequence[Line], title: str, place: Place | None, cursor: tuple[int, int]) -> None:
        self.cursor = "composer" if place and place.first <= cursor[1] < place.end else "elsewhere"
        """Where it stands, as `Rule.cursor` says it."""
        self._texts = [line.text for line in lines]
        self._title = safe_line(title[:_LONGEST_SHOWN])
        self._place = place
        self._made: dict[tuple[str, bool], str | None] = {}

    def of(self, rule: Rule) -> str | None:
        """Return the text that *rule* looks at, None where there is no such part."""
        key = (rule.region, _looks_below_only(rule))
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, region: str, below_only: bool) -> str | None:
        name, _, number = region.partition(" ")
        if name == "title":
            return self._title
        place, most = self._place, int(number or 0)
        if name in ("screen", "bottom"):
            return _joined(self._texts[place.top if place and below_only else 0 :], most)
        if place is None:
            return None
        parts = {
            "composer": self._texts[place.first : place.end],
            "above-composer": self._texts[: place.top],
            "below-composer": self._texts[place.bottom :],
        }
        return _joined(parts[name], most)


def _joined(texts: Sequence[str], most: int) -> str:
    """Return *texts* from the *most*-th last one on that is not empty, all of them for 0."""
    filled = [row for row, text in enumerate(texts) if text.strip()]
    start = filled[-most] if most and len(filled) > most else 0
    return "".join(f"{text}\n" for text in texts[start : filled[-1] + 1 if filled else 0])


def _judge(rule: Rule, regions: _Regions) -> Judged:
    text = regions.of(rule)
    if text is None:
        return Judged(rule, fits=False, why="no composer stands on this screen", text="")
    if rule.cursor not in ("", regions.cursor):
        return Judged(rule, fits=False, why=_CURSOR_WHY[regions.cursor], text=text)
    why, fits = _check(rule, text)
    return Judged(rule, fits, why, text)


def _check(rule: Rule, text: str) -> tuple[str, bool]:
    seen: re.Match[str] | None = None
    for pattern in rule.all:
        match = compiled(pattern).search(text)
        if match is None:
            return f"not there: {pattern}", False
        seen = seen or match
    if rule.any:
        match = next((found for pattern in rule.any if (found := compiled(pattern).search(text))), None)
        if match is None:
            return f"none of these is there: {'  '.join(rule.any)}", False
        seen = seen or match
    for pattern in rule.none:
        match = compiled(pattern).search(text)
        if match is not None:
            return f"must not be there: {pattern} (line: {_line_of(match)})", False
    return _line_of(seen) if seen else "nothing that speaks against it is there", True


def _line_of(match: re.Match[str]) -> str:
    """Return the line in which *match* begins, or the first of its lines that says something."""
    text = match.string
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    return safe_line(text[begin : end if end >= 0 else len(text)])[:_LONGEST_SHOWN]


def _sight(
    judged: Judged | None, lines: Sequence[Line], place: Place | None, draft: str, now: datetime | None
) -> Sight:
    there = place is not None
    if judged is None:
        return Sight(None, composer=there, draft=draft)
    rule = judged.rule
    there = there and rule.state != "none"  # what is open has the keyboard, even where the composer shows beside it
    activity, phase = _STATES[rule.state], Phase(rule.phase)
    if activity is not Activity.WAITING:
        return Sight(activity, rule.name, judged.why, phase, composer=there, draft=draft)
    options = _options(rule, judged.text)
    chosen = _chosen(options, judged.text, lines)
    keys = tuple(_keys(rule.answer, at, one.key, _steps(at, chosen, options)) for at, one in enumerate(options))
    first = _steps(0, chosen, options)
    return Sight(
        activity,
        rule.name,
        judged.why,
        phase,
        ask=_ask(rule, judged.text, tuple(option.words for option in options), now),
        approve=_keys(rule.approve, 0, "", first),
        deny=_keys(rule.deny, 0, "", first),
        choices=keys,
        composer=there,
        draft=draft,
    )


def _ask(rule: Rule, text: str, options: tuple[str, ...], now: datetime | None) -> Ask:
    kind = AskKind(rule.kind)
    title = _found(rule.title, text)
    until = _found(rule.until, text)
    until_at = parse_reset(until, now, now.astimezone().tzinfo) if until and now is not None else None
    digest = hashlib.sha256("\0".join((kind, title, *options)).encode(errors="replace"))
    return Ask(digest.hexdigest()[:8], kind, title, options, until=until, until_at=until_at)


def _found(pattern: str, text: str) -> str:
    """Return the groups of the last match of *pattern* on one line: a dialog stands below what led to it."""
    last = None
    for match in compiled(pattern).finditer(text) if pattern else ():
        last = match
    words = [safe_line(group) for group in last.groups() if group] if last else []
    return " · ".join(filter(None, words))[:_LONGEST_SHOWN]


@dataclass(frozen=True, slots=True)
class _Option:
    key: str
    words: str
    at: int
    """Where it stands in the region, as a character."""


def _options(rule: Rule, text: str) -> list[_Option]:
    """Return each option; numbers that begin again, or jump, are another list, and the last counts."""
    options: list[_Option] = []
    for match in compiled(rule.options).finditer(text) if rule.options else ():
        groups = [safe_line(group or "")[:_LONGEST_SHOWN] for group in match.groups()]
        key, words = (groups[0], groups[1]) if len(groups) > 1 else (str(len(options) + 1), groups[0])
        if options and key.isdecimal() and key != str(int(options[-1].key) + 1 if options[-1].key.isdecimal() else key):
            options = []
        options.append(_Option(key, words, match.start(match.lastindex or 0)))
    return options[:_MOST_OPTIONS]


def _chosen(options: Sequence[_Option], text: str, lines: Sequence[Line]) -> int | None:
    """Return which option Enter would take: the one on another background than its row ends with; None if unclear."""
    lit = []
    for index, option in enumerate(options):
        begin = text.rfind("\n", 0, option.at) + 1
        row = text[begin : text.find("\n", begin)]
        line = next((line for line in reversed(lines) if line.text == row), Line(row))
        if line.ground(option.at - begin) != line.ground(len(row) - 1):
            lit.append(index)
    return lit[0] if len(lit) == 1 else None


def _steps(index: int, chosen: int | None, options: Sequence[_Option]) -> int | None:
    """Return how many options on *index* is from the one that is chosen now, in a list that begins again at its end."""
    return None if chosen is None else (index - chosen) % len(options)


def _keys(words: Sequence[str], index: int, key: str, steps: int | None) -> tuple[str, ...]:
    """Return the keys of *words*: `Down*{index}` is a key that often, and none where that is never.

    None at all where they depend on `{steps}` and those are not known: Enter would take what nobody meant.
    """
    if steps is None and any("{steps}" in word for word in words):
        return ()
    values = {"choice": key, "index": str(index), "steps": str(steps)}
    keys: list[str] = []
    for word in words:
        filled = _PLACEHOLDER.sub(lambda match: values[match[1]], word)
        name, star, times = filled.rpartition("*")
        keys += [name] * min(int(times), _MOST_OPTIONS) if star and times.isdecimal() and name else [filled]
    return tuple(keys)
