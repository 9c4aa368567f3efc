"""Names."""

from __future__ import annotations

import pytest

from agentctl.domain.names import is_name, title, window_name


@pytest.mark.parametrize("name", ["a", "ui-2", "front_end", "x" * 31])
def test_good_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "-x", "a.b", "a:b", "a b", "x" * 32, "a\n", "#(touch x)", "../a", "@0", "$1", "=a", "ä"]
)
def test_names_that_tmux_or_a_shell_would_obey_are_none(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("name", "shown"), [("pm", "PM"), ("dev", "Dev"), ("ui-2", "UI-2"), ("server", "Server"), ("web_app", "Web_App")]
)
def test_titles(name: str, shown: str) -> None:
    assert title(name) == shown
    assert window_name("frontend", name) == f"Frontend-{shown}"
