"""`tmux setup`: who waits for you, in the status line of your own tmux."""

from __future__ import annotations

import typer

from agentctl.cli.options import output_of
from agentctl.cli.shell import shell_line
from agentctl.control.home import Home, find_home
from agentctl.drivers.tmux.people import FOLLOW, STATUS, WAITING


def setup(context: typer.Context) -> int:
    """Print what to put into your tmux.conf, so that its status line says who waits for you; writes nothing.

    The supervisor sets the text when it changes: your tmux starts no program for it. The windows of our own server show
    it without this.
    """
    output = output_of(context)
    home = find_home()
    for line in _lines(home):
        output.raw(line)
    output.say(
        "put these lines into your ~/.tmux.conf, after what sets status-right, then: tmux source-file ~/.tmux.conf"
    )
    output.say("your tmux has to be the one that plain 'tmux' speaks to; the text comes with the next change")
    return 0


def _lines(home: Home) -> list[str]:
    variables = [f"AGENTCTL_HOME={home.path}"] if home.chosen else []
    popup = shell_line(["env", "-u", "TMUX", "-u", "TMUX_PANE", *variables, "agentctl", "next"])
    return [
        "# who waits for you: set by agentctl when it changes, no program is run for it",
        f"set-option -g {FOLLOW} {home.id}",
        f"set-option -ga status-right '#{{?{STATUS}, #{{{STATUS}}} ,}}'",
        f"# shorter, only how many: #{{{WAITING}}}",
        "# prefix-N: go to the agent that has waited longest",
        f"bind-key N display-popup -E -w 95% -h 90% {_quoted(popup)}",
    ]


def _quoted(text: str) -> str:
    """Return *text* as one word of a tmux.conf, where `$` and `#` mean nothing in single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"
