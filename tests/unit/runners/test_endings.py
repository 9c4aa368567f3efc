"""Why a program ended, from its exit code and last words."""

from __future__ import annotations

import pytest

from agentctl.domain.agent import Ending
from agentctl.runners.endings import why_ended
from tests.unit.runners.boxes import MANIFEST, box

BOX = box(
    MANIFEST
    + """
[session]
resume = ["--resume", "{session}"]
lost = ["No conversation found"]
[ends]
quota = ["usage limit reached"]
login = ["Invalid API key"]
memory = ["worker ran dry"]
"""
)
HEAP = ["<--- Last few GCs --->", "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"]


@pytest.mark.parametrize(
    ("code", "lines", "ending"),
    [
        (0, [], Ending.DONE),
        (0, ["usage limit reached"], Ending.DONE),
        (1, ["boom"], Ending.CRASH),
        (None, [], Ending.CRASH),
        (137, ["boom"], Ending.CRASH),
        (134, HEAP, Ending.MEMORY),
        (137, ["Out of memory"], Ending.MEMORY),
        (1, HEAP, Ending.CRASH),
        (1, ["worker ran dry"], Ending.MEMORY),
        (1, ["usage limit reached"], Ending.QUOTA),
        (1, ["Invalid API key", "usage limit reached"], Ending.LOGIN),
        (1, ["No conversation found with session ID: x"], Ending.LOST_SESSION),
        (1, ["the usage lim", "it reached: wait"], Ending.QUOTA),
        (1, ["usage \x1b[1mlimit\x1b[0m reached"], Ending.QUOTA),
    ],
)
def test_it_ended_so(code: int | None, lines: list[str], ending: Ending) -> None:
    assert why_ended(BOX, code, lines) is ending


def test_only_the_last_words_count() -> None:
    assert why_ended(BOX, 1, ["usage limit reached", *["later"] * 20]) is Ending.CRASH
    assert why_ended(BOX, 1, ["usage limit reached", *["later"] * 19]) is Ending.QUOTA


@pytest.mark.parametrize("ending", [Ending.HANG, Ending.MEMORY, Ending.SERVER])
def test_what_we_ended_we_know(ending: Ending) -> None:
    assert why_ended(BOX, 143, ["usage limit reached"], ending) is ending
