"""What a shell's completion asks: answered from the table, the supervisor's names and, for flags, from typer.

Standard library only for everything but flags, because it runs at each press of Tab; tmux is never asked, nothing is
started. The protocol is that of typer's scripts: the words so far in a variable, the answers on stdout.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agentctl.cli.app import BY_NAME, COMMANDS, GROUPS, Row
from agentctl.cli.folder import here
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import AgentctlError
from agentctl.domain.text import safe_line

_NAMES_SECONDS = 1.0


class Candidate(NamedTuple):
    """One word that may stand next."""

    value: str
    help: str = ""


def answer(environ: Mapping[str, str] = os.environ) -> int:
    """Print what may stand where the cursor is, as the asking shell wants it."""
    shell = environ["_AGENTCTL_COMPLETE"].removeprefix("complete_")
    words, last = _words(shell, environ)
    found = candidates(words, last)
    if shell == "fish" and environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return 0 if found else 1
    if shell == "zsh":
        sys.stdout.write(_for_zsh(found))
    else:
        tips = shell == "fish"
        lines = [f"{c.value}\t{c.help}" if tips and c.help else c.value for c in found]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def candidates(words: Sequence[str], last: str) -> list[Candidate]:
    """Return what may follow *words* and begins with *last*."""
    plain = [word for word in words if not word.startswith("-")]
    row, left = _row(plain)
    if last.startswith("-"):
        return _fitting(_flags(row), last)
    if row is not None:
        below = _commands(plain) if plain == [row.name] and row.name in GROUPS else []
        return _fitting([*_arguments(row), *below], last)
    if left:
        return []
    return _fitting(_commands(plain), last)


def _row(words: Sequence[str]) -> tuple[Row | None, bool]:
    """Return the command that *words* begin with, and whether they are no way to one."""
    for count in (2, 1):
        row = BY_NAME.get(" ".join(words[:count])) if len(words) >= count else None
        if row is not None:
            return row, False
    return None, bool(words) and not (len(words) == 1 and words[0] in GROUPS)


def _commands(words: Sequence[str]) -> list[Candidate]:
    prefix = f"{words[0]} " if words else ""
    below = [row for row in COMMANDS if row.name.startswith(prefix) and not row.alias_of]
    found = {row.name.removeprefix(prefix).split()[0]: row.summary for row in below}
    if not words:
        found |= {name: summary for name, (_, summary) in GROUPS.items()}
    return [Candidate(name, summary) for name, summary in found.items()]


def _arguments(row: Row) -> list[Candidate]:
    if "|" in row.takes:
        return [Candidate(word) for word in row.takes.split("|")]
    if row.takes == "files":
        return [Candidate(name, "team") for name in _team_files()]
    if row.takes not in ("agents", "selectors", "teams"):
        return []
    try:
        names = Client(find_home()).call("names", timeout=_NAMES_SECONDS)
    except AgentctlError:
        return []  # nobody is there to name anything; completion must never complain
    teams = [Candidate(safe_line(name), "team") for name in names["teams"]]
    agents = [Candidate(safe_line(name), "agent") for name in names["agents"]]
    return {"agents": agents, "teams": teams, "selectors": [*teams, *agents]}[row.takes]


def _team_files() -> list[str]:
    try:
        folder = here()
    except AgentctlError:
        return []
    for place in (folder, *folder.parents):
        if (place / "teams").is_dir():
            return sorted(path.stem for path in (place / "teams").glob("*.yaml") if path.stem != "base")
    return []


def _flags(row: Row | None) -> list[Candidate]:
    common = [Candidate("--help", "Show help."), Candidate("--color"), Candidate("--no-input"), Candidate("--debug")]
    if row is None:
        return common
    from agentctl.cli.tree import build  # noqa: PLC0415  loads typer: only where a flag is completed

    command = build(row)
    own = [Candidate(name, getattr(p, "help", "") or "") for p in command.params for name in p.opts if name[:2] == "--"]
    return [*own, *common]


def _fitting(found: Sequence[Candidate], last: str) -> list[Candidate]:
    return [candidate for candidate in found if candidate.value.startswith(last)]


def _words(shell: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the words before the one that is being typed, without the program's name, and that one."""
    if shell == "bash":
        words, at = _split(environ.get("COMP_WORDS", "")), int(environ.get("COMP_CWORD", "0") or 0)
        return words[1:at], words[at] if at < len(words) else ""
    line = environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(line)[1:]
    return (words[:-1], words[-1]) if words and not line.endswith(" ") else (words, "")


def _split(line: str) -> list[str]:
    import shlex  # noqa: PLC0415  only here

    try:
        return shlex.split(line)
    except ValueError:  # a quote is still open
        return line.split()


def _for_zsh(found: Sequence[Candidate]) -> str:
    if not found:
        return "_files"
    lines = "\n".join(f'"{_zsh(c.value)}":"{_zsh(c.help)}"' if c.help else f'"{_zsh(c.value)}"' for c in found)
    return f"_arguments '*: :(({lines}))'"


def _zsh(text: str) -> str:
    """Return *text* without what means something inside the string that the script evaluates."""
    return "".join(letter for letter in text if letter not in "\"'`$\\:()")
