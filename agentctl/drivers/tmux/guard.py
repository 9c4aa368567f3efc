"""Typing into an agent's terminal: one command that checks and acts inside the server, or does nothing.

The condition and the act run in one go there, so that nothing can come between: no copy mode, no death of the process
(tmux 3.3a dies itself when it pastes into a dead pane), no second delivery of the same text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce

from agentctl.domain.errors import UsageError
from agentctl.domain.names import AgentId, PaneId
from agentctl.drivers.tmux.listing import AGENT, GENERATION, HOME, TYPED
from agentctl.drivers.tmux.placement import is_agent
from agentctl.drivers.tmux.quote import line

_PANE = re.compile(r"%\d{1,9}")
_KEY = re.compile(r"(?:[CMS]-)*(?:[!-~]|[A-Z][A-Za-z0-9]{1,11})")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def is_pane(text: str) -> bool:
    """Tell whether *text* is a pane's id."""
    return _PANE.fullmatch(text) is not None


def clean(text: str) -> str:
    """Return *text* without control characters but newline and tab, so that it cannot end a bracketed paste."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n"))


def condition(
    pane: PaneId, agent: AgentId, generation: int, home: str, *, typed: int | None = None, keyed: int | None = None
) -> str:
    """Return the format that is true while *pane* is that agent's, alive and takes keys.

    With *typed* it must have been given that many texts. With *keyed* nobody who watches it may have pressed a key
    later than that second.
    """
    if not is_pane(pane) or not is_agent(agent):
        raise UsageError(f"{pane!r} or {agent!r} names no pane or agent")
    wanted: dict[str, object] = {
        "pane_id": pane, HOME: home, AGENT: agent, GENERATION: generation, "pane_dead": 0, "pane_in_mode": 0,
        "pane_input_off": 0,
    }  # fmt: skip
    if typed is not None:
        wanted[TYPED] = typed
    holds = [f"#{{==:#{{{name}}},{text}}}" for name, text in wanted.items()]
    if keyed is not None:
        holds.append(_undisturbed(pane, keyed))
    return reduce(lambda all_of, one: f"#{{&&:{one},{all_of}}}", holds)


def _undisturbed(pane: PaneId, keyed: int) -> str:
    """Return the format that is true unless a session with clients shows the pane and got a key after *keyed*.

    It goes through the sessions, their current windows and those windows' active panes: a window may be linked into
    several. The seconds are compared as texts, which are of one length from 2001 to 2286.
    """
    later = f"#{{?#{{>:#{{session_activity}},{keyed}}},x,}}"
    active = f"#{{W:,#{{P:,#{{?#{{==:#{{pane_id}},{pane}}},{later},}}}}}}"
    return f"#{{?#{{S:#{{?#{{session_attached}},{active},}}}},0,1}}"


def guarded(pane: PaneId, when: str, *commands: str) -> str:
    """Return the line that carries out *commands* in one go if *when* holds for *pane*."""
    return line("if-shell", "-F", "-t", pane, when, " ; ".join(commands))


def paste(pane: PaneId, buffer: str) -> str:
    """Return the command that pastes a buffer, framed where the program asked for it, newlines kept, and drops it."""
    return line("paste-buffer", "-d", "-p", "-r", "-b", buffer, "-t", pane)


def apart(pane: PaneId) -> str:
    """Return the command that keeps our keys from the other panes of the window, should a person have tied them."""
    return line("set-option", "-p", "-t", pane, "synchronize-panes", "off")


def press(pane: PaneId, keys: Sequence[str]) -> str:
    """Return the command that presses named keys; raise `UsageError` for what is no key."""
    for key in keys:
        if not _KEY.fullmatch(key):
            raise UsageError(f"{key!r} is no key", hint="for example Enter, Escape, C-c, M-x, Up or a single character")
    return line("send-keys", "-t", pane, "--", *keys)


def runs(keys: Sequence[str]) -> list[list[str]]:
    """Return *keys* in parts to be pressed apart: what follows Escape at once, a program reads as one key with Meta."""
    parts: list[list[str]] = [[]]
    for key in keys:
        if parts[-1][-1:] == ["Escape"]:
            parts.append([])
        parts[-1].append(key)
    return parts


def count(pane: PaneId, number: int) -> str:
    """Return the command that notes how many texts the pane was given."""
    return line("set-option", "-p", "-t", pane, TYPED, str(number))
