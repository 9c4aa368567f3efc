"""What we set on our own server; on a user's server nothing global is touched.

`window-size` is never set: as a global option it crashes tmux up to 3.6a.
"""

from __future__ import annotations

from pathlib import Path

from agentctl.drivers.tmux.invoke import SIZE
from agentctl.drivers.tmux.people import NEXT, STATUS
from agentctl.drivers.tmux.quote import line

_TERMINFO = (
    "/etc/terminfo",
    "/lib/terminfo",
    "/usr/share/terminfo",
    "/usr/lib/terminfo",
    "/opt/homebrew/share/terminfo",
)

_SERVER = {
    "set-clipboard": "off",  # an agent's output must not write the user's clipboard
    "escape-time": "10",
    "exit-unattached": "off",
}
_SESSION = {
    "mouse": "on",
    "default-size": f"{SIZE[0]}x{SIZE[1]}",
    "base-index": "0",
    "renumber-windows": "off",
    "set-titles": "off",
    "destroy-unattached": "off",
    "update-environment": "",  # who attaches leaves nothing of his environment to later windows
    "default-command": "",
    "status-right-length": "100",
    "status-right": f"#{{?{STATUS},#[reverse] #{{{STATUS}}} #[default] ,}}%H:%M ",  # no title: agents write those
}
_WINDOW = {
    "remain-on-exit": "on",
    "allow-rename": "off",
    "automatic-rename": "off",
    "allow-passthrough": "off",  # from 3.3; older ones have no such thing
    "pane-base-index": "0",
}


def terminal_name(folders: tuple[str, ...] = _TERMINFO) -> str:
    """Return the TERM for our panes: tmux's own where the system describes it."""
    entries = (Path(folder) / initial / "tmux-256color" for folder in folders for initial in ("t", "74"))
    return "tmux-256color" if any(entry.exists() for entry in entries) else "screen-256color"


def server_options(history_limit: int) -> list[str]:
    """Return the commands that set our own server up; they may be repeated, and unknown options are passed over.

    *history_limit* is in lines a window.
    """
    return [
        *(line("set-option", "-sq", name, value) for name, value in _SERVER.items()),
        line("set-option", "-sq", "default-terminal", terminal_name()),
        *(line("set-option", "-gq", name, value) for name, value in _SESSION.items()),
        line("set-option", "-gq", "history-limit", str(history_limit)),
        *(line("set-option", "-gwq", name, value) for name, value in _WINDOW.items()),
        line("bind-key", "N", "run-shell", "-C", f"switch-client -t '#{{{NEXT}}}'"),
    ]
