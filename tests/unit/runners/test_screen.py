"""The screen as tmux gives it: text and what is dim, from any bytes whatever."""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.runners.screen import Line, read_lines

ESCAPE = "\x1b"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain", [Line("plain")]),
        ("a\nb\n", [Line("a"), Line("b")]),
        ("a\n\n\n", [Line("a"), Line(""), Line("")]),
        ("trailing   ", [Line("trailing")]),
        ("❯\u00a0", [Line("❯\u00a0")]),
        (f"{ESCAPE}[31mred{ESCAPE}[0m", [Line("red")]),
        (f"a{ESCAPE}[2mdim{ESCAPE}[0mb", [Line("adimb", ((1, 4),))]),
        (f"a{ESCAPE}[2mdim{ESCAPE}[22mb", [Line("adimb", ((1, 4),))]),
        (f"a{ESCAPE}[1;2;3mdim{ESCAPE}[mb", [Line("adimb", ((1, 4),))]),
        (f"{ESCAPE}[2mone\ntwo", [Line("one", ((0, 3),)), Line("two", ((0, 3),))]),
        (f"{ESCAPE}[38;2;2;2;2mrgb", [Line("rgb")]),
        (f"{ESCAPE}[38;5;2mgreen{ESCAPE}[48;5;2;2mdim", [Line("greendim", ((5, 8),))]),
        (f"{ESCAPE}[38:2::2:2:2mrgb{ESCAPE}[4:2mline", [Line("rgbline")]),
        (f"{ESCAPE}[7mT{ESCAPE}[27;2mry this{ESCAPE}[0m", [Line("Try this", ((0, 8),))]),
        (f"{ESCAPE}[7mTr{ESCAPE}[27;2my this{ESCAPE}[0m", [Line("Try this", ((2, 8),))]),
        (f"{ESCAPE}]8;;http://x{ESCAPE}\\link{ESCAPE}]8;;{ESCAPE}\\", [Line("link")]),
        (f"{ESCAPE}]0;title\x07text", [Line("text")]),
        ("\x0elqk\x0f lqk", [Line("┌─┐ lqk")]),
        ("a\x00b\x7fc\x9bd", [Line("abcd")]),
        ("a\tb", [Line("a b")]),
        ("\ud800x", [Line("x")]),
        ("", []),
    ],
)
def test_this_becomes(raw: str, expected: list[Line]) -> None:
    assert [(line.text, line.dim) for line in read_lines(raw)] == [(line.text, line.dim) for line in expected]


@pytest.mark.parametrize(
    ("on", "off"),
    [
        ("48;2;245;167;66", "48;2;30;30;30"),
        ("48;5;2", "49"),
        ("41", ""),
        ("103", "0"),
        ("7", "27"),
        ("48:2::1:2:3", "40"),
    ],
)
def test_another_background_is_told(on: str, off: str) -> None:
    plain, lit = f"{ESCAPE}[{off}m", f"{ESCAPE}[{on}m"
    (row,) = read_lines(f"{plain}one {lit} {ESCAPE}[38;5;2mtwo{ESCAPE}[39m {plain} three")
    assert row.ground(row.text.index("one")) == row.ground(row.text.index("three"))
    assert row.ground(row.text.index("two")) == row.ground(row.text.index("two") - 1) != row.ground(0)


def test_a_background_goes_on_in_the_next_row() -> None:
    first, second = read_lines(f"{ESCAPE}[41mone\ntwo {ESCAPE}[mthree")
    assert first.ground(0) == second.ground(0) != second.ground(4) == ""


def test_what_is_bright_stands_without_what_is_dim() -> None:
    (line,) = read_lines(f"> one {ESCAPE}[2mtwo{ESCAPE}[22m three{ESCAPE}[2m four")
    assert line.bright(2) == "one  three"
    assert line.bright(7) == " three"
    assert line.bright() == "> one  three"


_HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["\x1b[", "\x1b[2m", "\x1b[0m", "\x1b[7mx", "\x1b]", "\n", "\x0e", "\x9b", "\x1b[38;5;", "\x1bP"]
        ),
        st.builds(lambda codes: f"\x1b[{';'.join(codes)}m", st.lists(st.text("0123456789:;", max_size=5), max_size=6)),
        st.binary(max_size=20).map(lambda data: data.decode(errors="surrogateescape")),
    ),
    max_size=40,
).map("".join)


@given(_HOSTILE)
def test_anything_is_lines_without_controls_and_dim_places_in_them(raw: str) -> None:
    for line in read_lines(raw):
        assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in line.text)
        assert line.text.encode().decode() == line.text
        assert all(0 <= begin <= end <= len(line.text) for begin, end in line.dim)
        assert len(line.bright()) <= len(line.text)


def test_what_is_far_too_long_is_cut_and_the_bottom_stays() -> None:
    lines = read_lines("x" * 5_000_000 + "\n" + "y\n" * 500 + "last")
    assert len(lines) <= 200
    assert lines[-1].text == "last"
    assert all(len(line.text) <= 500 for line in read_lines("x" * 10_000))


_PARTS = re.compile(r"\x1b\[([0-9;:]*)m|[^\x1b]+")


def _taken_apart(raw: str) -> list[list[str]]:
    """Return the colours and texts of each row: what a reader of screens does at the least."""
    return [[part[0] for part in _PARTS.finditer(row)] for row in raw.split("\n")]


@pytest.mark.parametrize(("kind", "most"), [("plain", 25), ("coloured words", 7), ("a colour for each cell", 7)])
def test_a_full_screen_is_read_in_a_few_times_what_taking_it_apart_costs(kind: str, most: float) -> None:
    """Where the floor is, milliseconds are the machine's: 50 rows without a colour take 0.1 ms to split, and 1 to read.

    Read and floor take turns, and the best of each counts, so that what else the machine does falls on both.
    """
    rng = random.Random(7)
    cell = {
        "plain": lambda: "x",
        "coloured words": lambda: "\x1b[38;5;174mword " if rng.random() < 0.2 else "x",
        "a colour for each cell": lambda: f"\x1b[{rng.choice((2, 22, 31, 7, 27))}mx",
    }[kind]
    raw = "\n".join("".join(cell() for _ in range(220)) for _ in range(50))
    works = (read_lines, _taken_apart)
    rounds = [[_cpu_seconds(work, raw) for work in works] for _ in range(20)]
    read, floor = (min(times) for times in zip(*rounds, strict=True))
    assert read < most * floor


def _cpu_seconds(work: Callable[[str], object], raw: str) -> float:
    started = time.process_time()
    work(raw)
    return time.process_time() - started
