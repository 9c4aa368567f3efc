"""The page `docs/reference/cli.md`, made from the commands themselves: `python -m agentctl.cli.reference > …`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from agentctl.cli.app import BY_NAME, COMMANDS, PANELS
from agentctl.cli.tree import PROGRAM, build, root

_WIDTH = 100

_HEAD = """\
# Commands

<!-- Made by `python -m agentctl.cli.reference`; a test holds it to the commands. -->

`agentctl COMMAND --help` says the same in the terminal. Exit codes: [exit-codes.md](exit-codes.md).
"""


def cli_reference() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    yield _block(PROGRAM, _help(root(), PROGRAM))
    for panel in PANELS:
        yield f"## {panel}\n"
        for row in COMMANDS:
            if row.panel == panel and not row.alias_of:
                aliases = [other.name for other in COMMANDS if other.alias_of == row.name]
                also = f"\nAlso: {', '.join(f'`{PROGRAM} {name}`' for name in aliases)}\n" if aliases else ""
                yield f"### {PROGRAM} {row.name}\n{also}"
                yield _block("", _help(build(BY_NAME[row.name]), f"{PROGRAM} {row.name}"))


def _block(title: str, text: str) -> str:
    head = f"## {title}\n\n" if title else ""
    return f"{head}```text\n{text}\n```\n"


def _help(command: Any, path: str) -> str:  # noqa: ANN401  typer's own copy of click has no public types
    context = command.context_class(command, info_name=path, terminal_width=_WIDTH, help_option_names=["-h", "--help"])
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


if __name__ == "__main__":
    sys.stdout.write(cli_reference())
