"""`completion`: the script that a shell loads; what it asks for is answered in `complete.py`."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from agentctl.cli.options import output_of
from agentctl.domain.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


def completion(
    context: typer.Context, shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="Your shell.")]
) -> int:
    """Print the completion script for a shell; names of teams and agents come from the supervisor."""
    if shell not in SHELLS:
        raise UsageError(f"there is no completion for '{shell}'", hint=f"there is: {', '.join(SHELLS)}")
    output_of(context).raw(script(shell))
    return 0


def script(shell: str) -> str:
    """Return the script for *shell*: typer's own, which many programs prove daily."""
    # The module is typer's own; its public way of printing the script goes through the whole application.
    from typer._completion_shared import get_completion_script  # noqa: PLC0415  loads shellingham

    text = get_completion_script(prog_name="agentctl", complete_var="_AGENTCTL_COMPLETE", shell=shell)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
