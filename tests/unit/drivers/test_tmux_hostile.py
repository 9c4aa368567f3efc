"""Names, paths, words and texts that try to be commands."""

from __future__ import annotations

import ast
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentctl.domain.errors import UsageError
from agentctl.domain.names import AgentId, PaneId
from agentctl.drivers.tmux.terminal import TmuxTerminal

Lab = Any


def hostile(marker: Path) -> list[str]:
    """Return some 200 strings, each of which leaves a file behind where anything runs it."""
    runs = [
        f"#(touch {marker})",
        f"`touch {marker}`",
        f"$(touch {marker})",
        f"; touch {marker} ;",
        f"'; touch {marker}'",
    ]
    runs += [f"#{{#(touch {marker})}}", f"##(touch {marker})", f"###(touch {marker})", f"#[fg=#(touch {marker})]"]
    runs += [
        f'" ; run-shell "touch {marker}" ; "',
        f"\\; run-shell 'touch {marker}'",
        f"\nrun-shell 'touch {marker}'\n",
    ]
    plain = [
        "-x", "--", "-t", "%3", "%%", "@1", "$0", "$HOME", "~", "~root", ";", "a;", "\\;", "{", "}", "{ x }", "'", '"',
        "#", "##", "#{pid}", "##{pid}", "#[x]", "##[x]", "#,", "#}", "%H:%M", "%begin 1 2 3", "%end 1 2 1", "%exit",
        "a\nb", "\n", "\t", "a\tb", " ", "  a ", "😀", "é", "中文", "a\u2028b", "!", "*", "?", "|", "&", "&&", "=",
        "x" * 200, "../..", "..", ".", "a/../b", "-", "\\n", "\\e[31m", "'\"'\"'", "\\\\", "a\\", '\\"', "C-c", "Enter",
        "=Task-web", "%if 1", "\\",
    ]  # fmt: skip
    joined = [f"{one}{two}" for one in runs[:8] for two in plain[::4]]
    return [*runs, *plain, *joined]


def names_a_folder(text: str) -> bool:
    return (
        "\0" not in text and len(text.encode()) < 200 and not any(part in ("", ".", "..") for part in text.split("/"))
    )


def test_hostile_names_are_refused_and_run_nothing(lab: Lab, tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    async def story(terminal: TmuxTerminal) -> None:
        base = lab.opening("web/dev")
        for text in set(hostile(marker)) - {"Enter", "C-c"}:  # these may name a window
            bad = [replace(base, session=text), replace(base, window=text), replace(base, agent=AgentId(text))]
            for opened in [
                *await terminal.open(bad[:1]),
                *await terminal.open(bad[1:2]),
                *await terminal.open(bad[2:]),
            ]:
                assert opened.pane is None
                assert "not valid" in opened.error
            with pytest.raises(UsageError):
                await terminal.type(PaneId("%1"), AgentId(text), 1, 1, "x")
            await terminal.close([PaneId(text)])
        for text in set(hostile(marker)) - {"%3"}:
            with pytest.raises(UsageError):
                await terminal.type(PaneId(text), AgentId("web/dev"), 1, 1, "x")
            with pytest.raises(UsageError):
                await terminal.screen(PaneId(text))
        assert await terminal.panes() == []

    lab.run(story)
    assert not marker.exists()


@pytest.mark.parametrize("engine", ["control", "batch"])
def test_hostile_folders_words_and_variables_arrive_and_run_nothing(lab: Lab, tmp_path: Path, engine: str) -> None:
    marker = tmp_path / "ran"
    texts = hostile(marker)
    folders = [
        tmp_path / "folders" / text.replace("/", "_") for text in texts if names_a_folder(text.replace("/", "_"))
    ]
    show = "import os, sys; print(ascii((os.getcwd(), sys.argv[2:], os.environ['TEXT'])), file=open(sys.argv[1], 'w'))"
    for folder in folders:
        folder.mkdir(parents=True)

    async def story(terminal: TmuxTerminal) -> None:
        for attempt in (1, 2):  # tmux runs a `#(command)` of the same text at most once a second
            openings = []
            for number, folder in enumerate(folders[attempt - 1 :: 8]):
                words = texts[number::30]
                report = tmp_path / f"report-{attempt}-{number}"
                openings.append(
                    lab.opening(
                        f"t{number}/dev", sys.executable, "-c", show, str(report), *words,
                        generation=attempt, cwd=str(folder), env={"TEXT": texts[-number - 1]},
                    )
                )  # fmt: skip
            opened = await terminal.open(openings)
            assert [one.error for one in opened] == [""] * len(openings)
            for number, folder in enumerate(folders[attempt - 1 :: 8]):
                report = tmp_path / f"report-{attempt}-{number}"
                await lab.eventually(lambda report=report: report.exists() and report.read_text().endswith("\n"))
                expected = (str(folder), texts[number::30], texts[-number - 1])
                assert ast.literal_eval(report.read_text()) == expected
            terminal.poke()
            await lab.eventually(lambda: all_dead(terminal))

    async def all_dead(terminal: TmuxTerminal) -> bool:
        return all(pane.dead for pane in await terminal.panes())

    lab.run(story, engine=engine)
    assert not marker.exists()


def test_a_hostile_state_folder_is_known_again_and_runs_nothing(lab: Lab, tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    async def story(terminal: TmuxTerminal) -> None:
        pane = await lab.one(terminal, "web/dev")
        for name in ("home", "agent", "generation", "seq"):
            lab.tmux("set-option", "-pu", "-t", pane, f"@agentctl_{name}")
        (shown,) = await terminal.panes()
        assert (shown.id, shown.agent, shown.generation, shown.marked) == (pane, "web/dev", 1, False)
        await terminal.arrange(pane, lab.opening("web/dev"))
        assert await terminal.type(pane, AgentId("web/dev"), 1, 1, "long " * 4000)  # goes by a file in that folder

    names = [
        "#(touch ran)",
        "#{pid}",
        "##[x]",
        "#[x]",
        "a 'b' \"c\" $d \\n",
        "line\nbreak\ttab",
        "é😀",
        "%3;{}~",
        "`id`",
    ]
    for name in names:
        lab.run_dir = tmp_path / "homes" / name.replace("ran", str(marker).replace("/", "_"))
        lab.run_dir.mkdir(parents=True)
        lab.run(story)
        lab.end()
        lab.socket = f"agentctl-test-{secrets.token_hex(6)}"
    assert not marker.exists()


def test_hostile_texts_arrive_and_run_nothing(lab: Lab, tmp_path: Path, reader: Callable[..., Any]) -> None:
    marker = tmp_path / "ran"

    async def story(terminal: TmuxTerminal) -> None:
        read = await reader(terminal)
        for number, text in enumerate(hostile(marker) * 2, 1):
            assert await terminal.type(read.pane, read.agent, 1, number, text)
            await read.expect(text)

    lab.run(story)
    assert not marker.exists()


def test_no_variable_of_ours_reaches_the_server(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret")
    monkeypatch.setenv("TMUX", "/tmp/other,1,0")

    async def story(terminal: TmuxTerminal) -> None:
        server = terminal.server()
        assert server is not None
        environment = Path(f"/proc/{server.pid}/environ").read_text()  # noqa: ASYNC240  /proc does not block
        assert "s3cret" not in environment
        assert "TMUX=" not in environment
        assert "API_TOKEN" not in lab.tmux("show-environment", "-g")
        assert Path(f"/proc/{server.pid}/cwd").readlink() == Path("/")  # noqa: ASYNC240

    lab.run(story)
