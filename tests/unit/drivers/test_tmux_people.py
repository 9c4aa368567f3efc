"""Status lines, of our own server and of a person's: what tmux expands holds nothing but checked names."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.cli.tmux import _lines
from agentctl.control.home import Home
from agentctl.domain.errors import UsageError
from agentctl.domain.names import NAME, AgentId, PaneId
from agentctl.drivers.processes import SystemProcesses
from agentctl.drivers.tmux import people
from agentctl.drivers.tmux.terminal import TmuxTerminal

NAMES = st.from_regex(NAME, fullmatch=True)


def test_a_status_names_the_first_three():
    agents = [AgentId(f"shop/dev-{number}") for number in range(1, 6)]
    assert people.status(agents) == "5 wait: shop/dev-1, shop/dev-2, shop/dev-3 +2"
    assert people.status(agents[:1]) == "1 waits: shop/dev-1"
    assert people.status([]) == ""


@given(st.text())
def test_what_is_no_name_never_reaches_a_status(text):
    try:
        shown = people.status([AgentId(text)])
    except UsageError:
        return
    assert not set(shown) & set("#{}()$`\\\"';")


@given(NAMES, NAMES)
def test_every_name_does(team, name):
    assert people.status([AgentId(f"{team}/{name}")]) == f"1 waits: {team}/{name}"


def test_what_is_no_pane_is_no_place_to_go():
    with pytest.raises(UsageError):
        people.pointed(PaneId("#(touch x)"))
    with pytest.raises(UsageError):
        people.bell_place(PaneId("%1; kill-server"))


def test_what_terminals_say_of_themselves_shifts_no_field():
    lines = ["0|/dev/pts/3|xterm-256color|WezTerm|x|y", "1||screen|", "0||xterm|", "rubbish"]
    assert [(one.tty, one.term, one.kind) for one in people.viewers(lines)] == [
        ("/dev/pts/3", "xterm-256color", "WezTerm|x|y")
    ]


class Person:
    """A person's own tmux server, which plain `tmux` speaks to, with some lines in its tmux.conf."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tmux(self, *words: str, socket: str = "default") -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMUX_TMPDIR": str(self.folder), "TERM": "xterm"}
        argv = ["tmux", "-u", "-L", socket, "-f", str(self.folder / "tmux.conf"), *words]
        done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=10, check=False)
        assert not done.returncode, done.stderr
        return done.stdout.rstrip("\n")


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    folder = Path(f"/tmp/agentctl-test-{secrets.token_hex(4)}")  # a socket's path has to be short
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("TMUX_TMPDIR", str(folder))
    yield Person(folder)
    for socket in (folder / f"tmux-{os.getuid()}").glob("*"):
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, timeout=10, check=False)
        socket.unlink(missing_ok=True)
    for path in (folder / f"tmux-{os.getuid()}", folder / "tmux.conf", folder):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def show(folder: Path, home: Home, *waiting: str) -> None:
    async def play() -> None:
        identify = SystemProcesses(home.id).identify
        terminal = TmuxTerminal("agentctl-test", run_dir=folder, home=home.id, identify=identify)
        await terminal.connect()
        try:
            await terminal.show_waiting([(AgentId(agent), PaneId("%0")) for agent in waiting])
        finally:
            await terminal.disconnect()

    asyncio.run(play())


def test_the_printed_lines_show_in_a_persons_own_tmux_who_waits(person: Person, tmp_path: Path):
    home = Home(tmp_path / "home", chosen=True)
    (person.folder / "tmux.conf").write_text("\n".join(_lines(home)) + "\n")
    person.tmux("new-session", "-d", "cat", "-")
    assert "agentctl next" in person.tmux("list-keys", "-T", "prefix", "N")
    line = person.tmux("show-options", "-gv", "status-right").rpartition("#{?@agentctl")
    drawn = line[1] + line[2]
    assert person.tmux("display-message", "-p", drawn) == ""
    show(person.folder, home, "shop/dev", "shop/pm")
    assert person.tmux("display-message", "-p", drawn) == " 2 wait: shop/dev, shop/pm "
    show(person.folder, home)
    assert person.tmux("display-message", "-p", drawn) == ""


def test_a_persons_tmux_that_does_not_ask_is_left_alone(person: Person, tmp_path: Path):
    home, other = Home(tmp_path / "home", chosen=True), Home(tmp_path / "other", chosen=True)
    (person.folder / "tmux.conf").write_text(f"set-option -g {people.FOLLOW} {other.id}\n")
    person.tmux("new-session", "-d", "cat", "-")
    before = person.tmux("show-options", "-g")
    show(person.folder, home, "shop/dev")
    assert person.tmux("show-options", "-g") == before


def test_no_server_of_a_persons_is_started(person: Person, tmp_path: Path):
    show(person.folder, Home(tmp_path / "home", chosen=True), "shop/dev")
    assert not (person.folder / f"tmux-{os.getuid()}" / "default").exists()


def test_our_own_status_line_says_who_waits_and_prefix_n_goes_there(person: Person, tmp_path: Path):
    show(person.folder, Home(tmp_path / "home", chosen=True), "shop/dev")
    right = person.tmux("show-options", "-gv", "status-right", socket="agentctl-test")
    assert person.tmux("display-message", "-p", right, socket="agentctl-test").startswith(
        "#[reverse] 1 waits: shop/dev #[default] "
    )
    assert "pane_title" not in right
    assert "@agentctl_next" in person.tmux("list-keys", "-T", "prefix", "N", socket="agentctl-test")
