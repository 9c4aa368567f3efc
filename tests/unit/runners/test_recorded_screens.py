"""Every recorded screen of a real program is read right, by the runner that ships."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from agentctl.domain.agent import Activity, Ending
from agentctl.domain.evidence import Sight
from agentctl.runners.endings import why_ended
from agentctl.runners.reading import explain_screen, read_screen
from agentctl.runners.registry import Runners
from agentctl.runners.screen import read_lines
from tests.unit.runners.recordings import Recording, recordings, strays

SHIPPED = Runners.load()
ALL = recordings()
LIVING = [recording for recording in ALL if "ends" not in recording.expected]
ENDED = [recording for recording in ALL if "ends" in recording.expected]
_KEYS = {"state", "kind", "options", "draft", "composer", "pasted", "phase", "until", "ends", "title", "cursor"}


def explained(recording: Recording) -> str:
    """Say what each rule made of the screen, for whoever has to mend it."""
    read = explain_screen(SHIPPED.get(recording.program), recording.shown())
    rules = [f"{one.rule.name}: {'FITS' if one.fits else 'no'}: {one.why}" for one in read.judged]
    return "\n".join([recording.id, str(read.place), *rules])


def sight_of(recording: Recording) -> Sight:
    return read_screen(SHIPPED.get(recording.program), recording.shown())


@pytest.mark.parametrize("recording", LIVING, ids=lambda r: r.id)
def test_what_it_does_is_read_right(recording: Recording) -> None:
    sight, wanted = sight_of(recording), recording.expected
    assert (sight.activity or "none") == wanted["state"], explained(recording)
    if wanted["state"] == "none":
        assert sight.rule, "a viewer is known by a rule, not by the want of one"
    if sight.activity is Activity.WORKING:
        assert sight.phase == wanted.get("phase", "reasoning"), explained(recording)


@pytest.mark.parametrize("recording", [r for r in LIVING if r.expected["state"] == "waiting"], ids=lambda r: r.id)
def test_what_it_asks_is_read_right(recording: Recording) -> None:
    sight, wanted = sight_of(recording), recording.expected
    assert sight.ask is not None, explained(recording)
    assert sight.ask.kind == wanted["kind"], explained(recording)
    assert list(sight.ask.options) == wanted.get("options", []), explained(recording)
    assert sight.ask.until == wanted.get("until", "")
    assert len(sight.choices) in (0, len(sight.ask.options))
    assert all(sight.choices)


_ROUND = {"permission-bash": (0, 1, 2), "permission-moved": (2, 0, 1), "permission-moved-round": (0, 1, 2)}
"""By screen of opencode: how many steps it is to each option from the one that is highlighted."""


@pytest.mark.parametrize("name", _ROUND)
def test_an_option_without_a_key_is_counted_from_the_one_that_is_highlighted(name: str) -> None:
    (recording,) = [r for r in LIVING if (r.program, r.name) == ("opencode", name)]
    sight = sight_of(recording)
    assert sight.choices == tuple((*["Right"] * steps, "Enter") for steps in _ROUND[name])
    assert (sight.approve, sight.deny) == (sight.choices[0], ("Escape",))


def test_without_a_highlight_no_keys_are_guessed() -> None:
    (recording,) = [r for r in LIVING if (r.program, r.name) == ("opencode", "permission-bash")]
    plain = "\n".join(line.text for line in read_lines(recording.raw))
    sight = read_screen(SHIPPED.get("opencode"), replace(recording.shown(), text=plain))
    assert (sight.approve, sight.deny, sight.choices) == ((), ("Escape",), ((), (), ()))


@pytest.mark.parametrize("recording", LIVING, ids=lambda r: r.id)
def test_the_composer_and_what_stands_in_it_are_read_right(recording: Recording) -> None:
    sight, wanted = sight_of(recording), recording.expected
    if "composer" in wanted:
        assert sight.composer == wanted["composer"], explained(recording)
    if "draft" in wanted and wanted.get("composer", True):
        assert sight.draft == wanted["draft"], explained(recording)


@pytest.mark.parametrize("recording", ENDED, ids=lambda r: r.id)
def test_how_it_ended_is_read_right(recording: Recording) -> None:
    lines = [line.text for line in read_lines(recording.raw) if line.text.strip()]
    wanted = Ending(recording.expected["ends"])
    assert why_ended(SHIPPED.get(recording.program), 1, lines) is wanted, "\n".join(lines[-20:])


def test_every_screen_says_what_is_expected_of_it_and_no_more() -> None:
    assert not strays(), "screens that expect.toml says nothing of"
    assert not {(r.id, key) for r in ALL for key in r.expected if key not in _KEYS}


def test_reading_the_fullest_screens_is_quick() -> None:
    """A whole fleet redraws at once when a person resizes a window."""
    widest = sorted(LIVING, key=lambda recording: -len(recording.raw))[:10]
    taken = []
    for recording in widest:
        runner, shown = SHIPPED.get(recording.program), recording.shown()
        taken.append(min(_seconds(lambda r=runner, s=shown: read_screen(r, s)) for _ in range(5)))  # type: ignore[misc]
    floor = min(_seconds(lambda: [re.findall(r"\S+", text) for text in [widest[0].raw] * 20]) for _ in range(9))
    assert max(taken) < 1.3 * floor, f"{max(taken) * 1000:.1f} ms, {max(taken) / floor:.1f} times the floor"


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
