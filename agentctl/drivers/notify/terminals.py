"""Notifications by escape sequences, written to the terminals that people have attached.

Written to the client's own device they need no `allow-passthrough`, and reach the desktop that the terminal runs on,
through ssh too. What shows them is the terminal's choice: OSC 9 in iTerm2, WezTerm, Ghostty, kitty and foot; OSC 777 in
rxvt and in VTE where it is patched in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from agentctl.domain.notice import Notification
from agentctl.domain.ports import Terminal, Viewer
from agentctl.domain.text import safe_line
from agentctl.drivers import tty

_LONGEST = 240
"""Letters; what goes in one write does not mix with what tmux writes."""


async def write_to_all(terminal: Terminal, data: Callable[[Viewer], bytes]) -> tuple[int, int]:
    """Write to every attached terminal; return how many took it, and how many there are."""
    viewers = await terminal.viewers()
    written = 0
    for viewer in viewers:
        with contextlib.suppress(OSError):
            tty.write(viewer.tty, data(viewer))
            written += 1
    return written, len(viewers)


def sequence(note: Notification, viewer: Viewer) -> bytes:
    """Return the sequence by which *viewer* is most likely to show *note*."""
    title, text = safe_line(note.title).replace(";", ","), safe_line(note.text)
    if viewer.term.startswith("rxvt") or viewer.kind.startswith("VTE"):
        return f"\x1b]777;notify;agentctl: {title};{text[:_LONGEST]}\x1b\\".encode()
    whole = f"agentctl: {title}{f' - {text}' if text else ''}"
    return f"\x1b]9;{whole[:_LONGEST]}\x1b\\".encode()
