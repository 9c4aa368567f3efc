"""An answer that quotes a program's own dialogs, footers and patterns fools nobody.

Real idle screens, with the quotation put into the answer above the composer as the program would print it.
"""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

import re

import pytest

from agentctl.domain.agent import Activity
from agentctl.domain.ports import Shown
from agentctl.runners.composer import find_composer
from agentctl.runners.patterns import compiled
from agentctl.runners.reading import explain_screen
from agentctl.runners.registry import Runners
from agentctl.runners.runner import Runner
from agentctl.runners.screen import read_lines
from tests.unit.runners.recordings import Recording, recordings
from tests.unit.runners.samples import sample

SHIPPED = Runners.load()
INDENT = {"aider": ""}
"""What a program puts before the further lines of an answer, where it is not two blanks."""
AFTERWARDS = ["So that is what it looks like.", "", "I have not seen it in this session,", "and nothing of it is",
              "open now: the tests are done", "and all of them pass."]  # fmt: skip
_QUOTED = 14
"""Rows of a real screen."""
_KEPT = 4
"""Rows right above the composer that stay: programs draw a footer there."""


def _idle(recording: Recording) -> bool:
    expected = recording.expected
    return expected["state"] == "idle" and expected.get("composer", False) and not expected.get("draft", "")


IDLE = {r.program: r for r in recordings() if _idle(r) and r.name.startswith("finished") and "-wide" not in r.name}
OTHERS = [r for r in recordings() if r.program in IDLE and r.expected["state"] != "idle" and "ends" not in r.expected]
RULES = [(program, rule) for program in IDLE for rule in SHIPPED.get(program).rules]


def quoting(runner: Runner, quoted: list[str]) -> Shown:
    """Return the program's idle screen with *quoted* in its last answer; the cursor stays where it was."""
    recording = IDLE[runner.name]
    lines = read_lines(recording.raw)
    place = find_composer(runner.composer, lines)
    assert place is not None, "no composer on an idle screen"
    rows = recording.raw.split("\n")
    at = max(0, place.top - _KEPT)
    indent = INDENT.get(runner.name, "  ")
    answer = ["Here is the dialog that you asked about:", "", *quoted, "", *AFTERWARDS, ""]
    above = ["\x1b[0m", *(indent + row for row in answer), "\x1b[0m"]
    column, row = recording.cursor
    title = recording.expected.get("title", "")
    return Shown("\n".join([*above, *rows[at:]]), title, alternate=False, cursor=(column, row - at + len(above)))


def check(runner: Runner, shown: Shown) -> None:
    read = explain_screen(runner, shown)
    why = "\n".join(f"{one.rule.name}: {one.why}" for one in read.judged if one.fits)
    assert read.sight.activity is Activity.IDLE, f"{why}\n{shown.text}"
    assert read.sight.ask is None
    assert (read.sight.composer, read.sight.draft) == (True, "")


@pytest.mark.parametrize(("program", "rule"), RULES, ids=lambda value: getattr(value, "name", value))
def test_the_patterns_of_a_rule_quoted_in_an_answer_are_not_believed(program: str, rule) -> None:
    runner = SHIPPED.get(program)
    quoted = [row for pattern in (*rule.all, *rule.any) for row in sample(pattern).split("\n")]
    check(runner, quoting(runner, quoted))


@pytest.mark.parametrize("recording", OTHERS, ids=lambda r: r.id)
def test_a_real_screen_quoted_in_an_answer_is_not_believed(recording: Recording) -> None:
    runner = SHIPPED.get(recording.program)
    rows = [line.text for line in read_lines(recording.raw) if line.text.strip()][-_QUOTED:]
    check(runner, quoting(runner, rows))


@pytest.mark.parametrize("pattern", ["^❯ 1\\. Yes", "(?:a|b)+c{2}", "[^x]y", "\\d+s · ↓", "^[·✢*] \\S+…", "(a)\\1"])
def test_the_samples_fit_their_patterns(pattern: str) -> None:
    assert compiled(pattern).search(sample(pattern)), re.escape(sample(pattern))
