"""The desktop: by its own program where this machine has one, else through the terminals that people have attached."""

from __future__ import annotations

import asyncio
import contextlib
import html
import os
import shutil
import sys
from collections.abc import Mapping

from agentctl.domain.errors import Unreachable
from agentctl.domain.notice import Notification
from agentctl.domain.ports import Terminal
from agentctl.domain.text import safe_line
from agentctl.drivers.notify.terminals import sequence, write_to_all

_DEADLINE = 5.0  # seconds
_SCRIPT = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")


class Desktop:
    """A `Notifier` that shows a word on the person's screen."""

    def __init__(self, terminal: Terminal, environ: Mapping[str, str], platform: str = sys.platform) -> None:
        """Look for programs and the session's bus in *environ*."""
        self._terminal = terminal
        self._environ = dict(environ)
        self._platform = platform

    async def tell(self, note: Notification, to: str = "") -> str:
        """Show *note* by the first way that works, and say which."""
        del to
        argv = self._argv(note)
        fault = "no desktop session is known here"
        if argv is not None:
            fault = await self._run(argv)
            if not fault:
                return f"shown by {os.path.basename(argv[0])}"  # noqa: PTH119  a path of shutil.which
        written, seen = await write_to_all(self._terminal, lambda viewer: sequence(note, viewer))
        if not written:
            raise Unreachable(f"{fault}, and no terminal is attached")
        return f"written to {written} of {seen} attached terminals; whether they show it is their own choice"

    def _argv(self, note: Notification) -> list[str] | None:
        """Return the command that shows *note*: its texts are words of their own, and no markup."""
        title, text = safe_line(note.title), safe_line(note.text)
        if self._platform == "darwin":
            program = self._find("osascript")
            lines = [word for line in _SCRIPT for word in ("-e", line)]
            return [program, *lines, title, text] if program else None
        program = self._find("notify-send") if self._has_bus() else None
        return [program, "--app-name=agentctl", "--", _plain(title), _plain(text)] if program else None

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._environ.get("PATH", ""))

    def _has_bus(self) -> bool:
        folder = self._environ.get("XDG_RUNTIME_DIR", "")
        return bool(self._environ.get("DBUS_SESSION_BUS_ADDRESS")) or (
            folder.startswith("/") and os.path.exists(f"{folder}/bus")  # noqa: PTH110  a fact of the machine, once
        )

    async def _run(self, argv: list[str]) -> str:
        """Run *argv* and return what went wrong, empty where nothing did."""
        name = os.path.basename(argv[0])  # noqa: PTH119  as above
        nothing = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, env=self._environ, cwd="/", stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )
        except OSError as error:
            return f"{name} cannot be started ({error.strerror})"
        try:
            async with asyncio.timeout(_DEADLINE):
                code = await process.wait()
        except TimeoutError:
            return f"{name} did not end within {_DEADLINE:g} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return f"{name} ended with code {code}" if code else ""


def _plain(text: str) -> str:
    """Return *text* so that notify-send shows it as it is: it undoes backslashes, and desktops read markup in it."""
    return html.escape(text, quote=False).replace("\\", "\\\\")
