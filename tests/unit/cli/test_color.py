"""Colour is decided here and nowhere else: rich gets `FORCE_COLOR=0` and `CLICOLOR_FORCE` wrong."""

from __future__ import annotations

import io

import pytest

from agentctl.cli.color import paint, wanted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "environ", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"FORCE_COLOR": "0"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_who_decides(choice: str, environ: dict[str, str], terminal: bool, colored: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert wanted(stream, choice, environ) is colored


def test_paint_leaves_plain_text_plain() -> None:
    assert paint("x", "red", on=False) == "x"
    assert paint("x", "", on=True) == "x"
    assert paint("x", "red", on=True) == "\x1b[31mx\x1b[0m"
