"""Our panes found and closed with nothing but tmux."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentctl.domain.errors import TerminalError, TerminalUnreachable
from agentctl.drivers.tmux import marks, version
from agentctl.drivers.tmux.terminal import TmuxTerminal

Lab = Any


def test_only_what_carries_our_marks_is_found_and_closed(lab: Lab) -> None:
    lab.tmux("-f", "/dev/null", "new-session", "-d", "-s", "Task-web-mine", "sleep 1000")

    async def story(terminal: TmuxTerminal) -> None:
        opened = await terminal.open([lab.opening("web/pm"), lab.opening("web/dev", index=1), lab.opening("db/dev")])
        mine = lab.tmux("split-window", "-d", "-t", opened[0].pane, "-P", "-F", "#{pane_id}", "cat")
        foreign = lab.tmux("new-window", "-d", "-t", "=Task-web:7", "-P", "-F", "#{pane_id}", "cat")
        lab.tmux("set-option", "-p", "-t", foreign, "@agentctl_home", "another")
        lab.tmux("set-option", "-p", "-u", "-t", opened[1].pane, "@agentctl_home")
        found = marks.marked_panes(lab.socket, home=lab.home, run_dir=lab.run_dir)
        assert {(one.id, one.agent, one.generation, one.pid) for one in found} == {
            (o.pane, o.agent, 1, o.pid) for o in opened
        }
        assert len(marks.marked_panes(lab.socket, home=lab.home)) == 2
        assert {one.home for one in marks.marked_panes(lab.socket)} == {lab.home, "another"}
        assert marks.close(lab.socket, found) == 3
        assert marks.close(lab.socket, found) == 0
        assert await terminal.panes() == []
        left = lab.tmux("list-panes", "-a", "-F", "#{pane_id}").split()
        assert {mine, foreign} <= set(left)
        assert marks.server_pid(lab.socket) == lab.server_pid()
        marks.close_hub(lab.socket, lab.home)
        marks.close_hub(lab.socket, lab.home)

    lab.run(story)
    assert lab.tmux("list-sessions", "-F", "#{session_name}").split() == ["Task-web", "Task-web-mine"]


def test_our_server_ends_with_its_last_session(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        await lab.one(terminal, "web/dev")

    lab.run(story)
    assert marks.close(lab.socket, marks.marked_panes(lab.socket, home=lab.home)) == 1
    marks.close_hub(lab.socket, lab.home)
    assert lab.tmux("list-sessions", check=False) == ""


def test_a_pane_that_got_another_process_is_left_alone(lab: Lab) -> None:
    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev")
        found = marks.marked_panes(lab.socket)
        lab.tmux("respawn-pane", "-k", "-t", pane, "sleep 1000")
        assert marks.close(lab.socket, found) == 0
        assert len(lab.tmux("list-panes", "-t", pane).splitlines()) == 1

    lab.run(story)


def test_no_server_has_no_panes(lab: Lab) -> None:
    assert marks.marked_panes(lab.socket) == []
    assert marks.close(lab.socket, []) == 0
    assert marks.server_pid(lab.socket) is None
    marks.close_hub(lab.socket, lab.home)


def test_a_frozen_server_is_no_empty_server(lab: Lab, frozen: Callable[[int], None]) -> None:
    lab.tmux("-f", "/dev/null", "new-session", "-d", "sleep 1000")
    frozen(lab.server_pid())
    with pytest.raises(TerminalUnreachable):
        marks.marked_panes(lab.socket, deadline=0.3)
    with pytest.raises(TerminalUnreachable):
        marks.server_pid(lab.socket, deadline=0.3)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tmux 3.3a", version.Version(3, 3, "a")),
        ("tmux 3.4", version.Version(3, 4)),
        ("tmux next-3.7", version.Version(3, 7)),
        ("tmux openbsd-7.4", version.Version(7, 4)),
    ],
)
def test_versions_are_read(text: str, wanted: version.Version) -> None:
    assert version.parse(text) == wanted


def test_versions_are_in_order_and_know_their_faults() -> None:
    releases = [version.parse(f"tmux {text}") for text in ("3.2", "3.2a", "3.3", "3.3a", "3.4", "3.6b", "3.7")]
    assert sorted(releases, reverse=True) == releases[::-1]
    assert releases[0] >= version.OLDEST
    assert any("dead pane" in fault.what for fault in version.faults(releases[3]))
    assert not any("dead pane" in fault.what for fault in version.faults(releases[4]))
    assert not any("control client attached" in fault.what for fault in version.faults(releases[6]))
    assert version.parse("tmux master") > releases[-1]
    with pytest.raises(TerminalError):
        version.parse("screen")
    assert version.probe() >= version.OLDEST
