"""The texts that let an init system run the supervisor: a systemd user unit, a launchd property list."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from agentctl.cli.supervisor_process import supervisor_argv
from agentctl.control.home import Home
from agentctl.domain.errors import HomeUnusable

_SYSTEMD = """\
[Unit]
Description=agentctl supervisor: holds teams of coding agents in tmux
Documentation=man:tmux(1)

[Service]
Type=exec
ExecStart={argv}
{environment}WorkingDirectory=/
# Only the supervisor itself is stopped: agents and their tmux server run on and are found again.
KillMode=process
Restart=on-failure
RestartSec=1

[Install]
WantedBy=default.target
"""

_LAUNCHD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>agentctl.supervisor</string>
  <key>ProgramArguments</key>
  <array>{argv}</array>
  <key>EnvironmentVariables</key>
  <dict>{environment}</dict>
  <key>WorkingDirectory</key><string>/</string>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>AbandonProcessGroup</key><true/>
  <key>StandardErrorPath</key><string>{log}</string>
</dict>
</plist>
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """A file for the init system and the command that switches it on."""

    path: Path
    text: str
    enable: str


def unit_for(home: Home, platform: str, environ: Mapping[str, str] = os.environ) -> Unit:
    """Return the unit for *platform* (`sys.platform`'s names)."""
    if any(letter in str(home.path) + sys.executable for letter in "\n\r\0"):
        raise HomeUnusable(
            "a path with a line break cannot stand in a unit", hint="set AGENTCTL_HOME to another folder"
        )
    if platform == "darwin":
        return _launchd(home, environ)
    return _systemd(home, environ)


def _variables(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the supervisor needs: PATH, because init systems give a bare one, and the home if it is not usual."""
    variables = {"PATH": environ["PATH"]} if environ.get("PATH") else {}
    return variables | ({"AGENTCTL_HOME": str(home.path)} if home.chosen else {})


def _systemd(home: Home, environ: Mapping[str, str]) -> Unit:
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".config"
    lines = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in _variables(home, environ).items())
    text = _SYSTEMD.format(
        argv=" ".join(_quoted(word, command=True) for word in supervisor_argv()),
        environment=lines,
    )
    enable = "systemctl --user daemon-reload && systemctl --user enable --now agentctl.service"
    return Unit(folder / "systemd" / "user" / "agentctl.service", text, enable)


def _quoted(word: str, *, command: bool = False) -> str:
    """Return *word* as systemd reads it: `%` and, in a command, `$` mean something even in quotes."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{plain.replace("$", "$$") if command else plain}"'


def _launchd(home: Home, environ: Mapping[str, str]) -> Unit:
    variables = _variables(home, environ)
    text = _LAUNCHD.format(
        argv="".join(f"<string>{escape(word)}</string>" for word in supervisor_argv()),
        environment="".join(f"<key>{escape(n)}</key><string>{escape(v)}</string>" for n, v in variables.items()),
        log=escape(str(home.logs / "supervisor.log")),
    )
    path = Path.home() / "Library" / "LaunchAgents" / "agentctl.supervisor.plist"
    return Unit(path, text, f"launchctl load -w {path}")
