"""One look after another: since when a screen has said the same, and when it asked last."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agentctl.domain.agent import Activity, Ask, AskKind
from agentctl.domain.evidence import Looked, Sight
from agentctl.engine.looking import look_again

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDLE = Sight(Activity.IDLE, "composer", "> ", composer=True)
ASKS = Sight(Activity.WAITING, "permission", "Do you want to run rm?", ask=Ask("a1", AskKind.PERMISSION, "Run rm?"))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_first_look_begins_everything() -> None:
    assert look_again(None, IDLE, at(1), drawn=False) == Looked(IDLE, at(1), at(1), at(1))


def test_what_says_the_same_has_said_so_since_it_began_whatever_is_drawn_beside_it() -> None:
    first = look_again(None, IDLE, at(1), drawn=True)
    moved = replace(IDLE, line="> another line")
    assert look_again(first, moved, at(2), drawn=True) == Looked(moved, at(2), at(1), at(2))


def test_a_screen_that_was_not_drawn_anew_keeps_its_moment() -> None:
    first = look_again(None, IDLE, at(1), drawn=True)
    assert look_again(first, IDLE, at(2), drawn=False) == Looked(IDLE, at(2), at(1), at(1))


def test_another_sight_begins_anew() -> None:
    first = look_again(None, IDLE, at(1), drawn=True)
    assert look_again(first, replace(IDLE, rule="other"), at(2), drawn=True).since == at(2)


def test_a_question_is_remembered_when_it_is_gone() -> None:
    asks = look_again(None, ASKS, at(1), drawn=True)
    gone = look_again(asks, IDLE, at(2), drawn=True)
    assert (asks.asked, gone.asked) == (at(1), at(1))
