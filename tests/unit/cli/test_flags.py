"""Light commands have one definition of their flags: what the light reader takes, typer takes the same way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.cli import ps, send
from agentctl.cli.app import BY_NAME
from agentctl.cli.call import Call, take
from agentctl.cli.flags import Shape, read
from agentctl.cli.tree import build
from agentctl.domain.errors import UsageError

WORDS = {
    "send": [
        "a/b",
        "hi",
        "-",
        "--",
        "--file",
        "--file=x",
        "-f",
        "--keys",
        "-k",
        "--wait",
        "--wait=3s",
        "--json",
        "-x",
        "",
    ],
    "ps": ["frontend", "@fatal", "--", "-w", "--watch", "-o", "json", "--output=csv", "--json", "-q", "--quiet", "-wq"],
}
SHAPES = {"send": send.SHAPE, "ps": ps.SHAPE}


def typed(name: str, words: list[str]) -> dict[str, Any]:
    command = build(BY_NAME[name])
    params = command.make_context(name, list(words), obj=Call()).params
    return {key: list(value) if isinstance(value, tuple) else value for key, value in params.items()}


@pytest.mark.parametrize("name", sorted(SHAPES))
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_the_light_reader_takes_typer_takes_the_same_way(name: str, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(WORDS[name]), max_size=5))
    values = read(words, SHAPES[name])
    if values is not None:
        assert typed(name, words) == values


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a/b", "hi"], {"agent": "a/b", "text": "hi"}),
        (["a/b", "-"], {"text": "-"}),
        (["a/b", "--", "--json"], {"text": "--json", "json": False}),
        (["a/b", "--keys=C-c,Enter"], {"keys": "C-c,Enter", "text": None}),
        (["--wait", "3s", "a/b", "hi"], {"wait": "3s", "agent": "a/b"}),
    ],
)
def test_plain_uses_are_read_without_typer(words: list[str], expected: dict[str, Any]) -> None:
    values = read(words, send.SHAPE)
    assert values is not None
    assert {key: values[key] for key in expected} == expected


@pytest.mark.parametrize("words", [[], ["a/b", "x", "y"], ["a/b", "--nope"], ["a/b", "--file"], ["a/b", "--json=1"]])
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert read(words, send.SHAPE) is None


def test_a_shape_without_flags_takes_nothing() -> None:
    assert read([], Shape((), ())) == {}
    assert read(["x"], Shape((), ())) is None


def test_global_flags_stand_anywhere_but_behind_two_dashes() -> None:
    call, words = take(["ps", "--color", "never", "--debug", "x", "--", "--no-input"], {})
    assert (call.color, call.debug, call.no_input) == ("never", True, False)
    assert words == ["ps", "x", "--", "--no-input"]


def test_a_wrong_colour_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="auto, always, never"):
        take(["--color=blue"], {})
