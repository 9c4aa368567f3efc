"""Make the pictures of the documents out of what real commands print: `.venv/bin/python docs/images/make_pictures.py`.

Deploys the shipped teams, and one from a template, in a state folder of its own that ends with the script. Ports 3000
and 4000 have to be free.
"""  # noqa: INP001  a script beside its pictures

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS, ROWS = 108, 40
PATIENCE_SECONDS = 150
SHOWN_PLACE = "~/shop"

# A picture that is looked at offline, or in a mail, loads no font from elsewhere.
_SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


class Terminal:
    """A pseudo-terminal in which commands run one after another, in one folder and one state folder."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        unwanted = ("NO_COLOR", "TMUX", "TMUX_PANE", "AGENTCTL_OUTPUT", "AGENTCTL_COLOR")
        self._environ = {name: value for name, value in os.environ.items() if name not in unwanted}
        self._environ |= {"AGENTCTL_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def run(self, *words: str) -> str:
        """Run agentctl with *words* and return all that it showed."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "agentctl", *words],
            stdin=slave, stdout=slave, stderr=slave, cwd=self._folder, env=self._environ, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        with os.fdopen(master, "rb", buffering=0) as screen:
            shown = b"".join(_chunks(screen.fileno()))
        if process.wait(timeout=PATIENCE_SECONDS):
            raise SystemExit(f"agentctl {' '.join(words)} failed:\n{shown.decode(errors='replace')}")
        return shown.decode(errors="replace").replace("\r\n", "\n").replace(str(self._folder), SHOWN_PLACE)


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:  # the other side of a pseudo-terminal is closed
            return
        if not chunk:
            return
        yield chunk


@contextmanager
def deployed() -> Iterator[Terminal]:
    """Give a terminal that can deploy the shipped teams, and end all that was started there."""
    with tempfile.TemporaryDirectory(prefix="agentctl-pictures-") as place:
        folder, home = Path(place) / "shop", Path(place) / "home"
        folder.mkdir()
        terminal = Terminal(folder.resolve(), home)
        try:
            yield terminal
        finally:
            for words in (("stop-all", "-y"), ("daemon", "stop"), ("emergency-cleanup", "-y")):
                terminal.run(*words)


def draw(name: str, scenes: Sequence[tuple[str, str]]) -> None:
    """Write the picture *name*: each scene is a command line and what it showed."""
    console = Console(record=True, width=COLUMNS, file=Path(os.devnull).open("w"), force_terminal=True)  # noqa: SIM115  as long as the script
    for line, shown in scenes:
        console.print(Text.assemble(("$ ", "bold green"), (line, "bold")))
        console.print(Text.from_ansi(shown.rstrip()), end="\n\n" if line != scenes[-1][0] else "\n")
    svg = console.export_svg(title=scenes[0][0], code_format=_SVG, unique_id=f"agentctl-{name}")
    (HERE / f"{name}.svg").write_text("\n".join(text.rstrip() for text in svg.splitlines()) + "\n", encoding="utf-8")


def main() -> None:
    """Make all pictures."""
    with deployed() as terminal:
        terminal.run("deploy", "frontend", "backend", "--yes")
        terminal.run("ps")  # a share of the processor is a difference of two looks
        terminal.run("send", "backend/dev", "sleep 20 && echo tested")
        time.sleep(2)  # noqa: TID251  as a person would, before looking
        draw("ps", [("agentctl ps", terminal.run("ps"))])
        terminal.run("stop-all", "-y")  # for its port
        terminal.run("init", "--template", "web", "--name", "hello", "--no-input")
        draw("deploy", [("agentctl deploy", terminal.run("deploy"))])


if __name__ == "__main__":
    main()
