"""Proof: what of the evidence shows that a message was taken, or that the turn it began has ended."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from agentctl.domain.agent import Activity, Agent
from agentctl.domain.events import Draft, EventType, agent_stream
from agentctl.domain.evidence import Meaning, Sign
from agentctl.domain.message import WAITING, Message, MessageState
from agentctl.domain.text import safe_text
from agentctl.engine.framing import found, is_command
from agentctl.runners.runner import Runner
from agentctl.supervisor.sense import Sense
from agentctl.views.fleet import Fleet

_TAKEABLE = WAITING | {MessageState.TYPED, MessageState.UNSEEN}
_HISTORY_BYTES = 256 * 1024
_TELLING = 40
"""So many characters of the end of a text are nobody else's."""

_SIGNALS_WITHIN = timedelta(seconds=3)
"""The slowest program measured signals a prompt 2 s after it was typed."""

_DRAWS_WITHIN = timedelta(milliseconds=500)
"""A program takes so long to draw what was typed; before that its composer looks empty, too."""


def seen_by_sign(fleet: Fleet, agent: Agent, sign: Sign) -> list[Draft]:
    """Return what a prompt that the program says it accepted proves."""
    if sign.meaning is not Meaning.PROMPT:
        return []
    messages = {m.id: m for m in fleet.of(agent.id) if m.state in _TAKEABLE}
    told = found(sign.text)
    drafts = [_taken(agent, messages[name], sign, whole) for name, whole in told.items() if name in messages]
    drafts = drafts or [_taken(agent, message, sign, whole=True) for message in _unframed(messages, sign)[:1]]
    return [draft for draft in drafts if draft is not None]


def seen_before_end(fleet: Fleet, agent: Agent, sign: Sign, generation: int) -> list[Draft]:
    """Return what a prompt proves that *generation*, which has ended, had accepted: its successor is not told it again.

    The signal is read a moment after it was given, and by then the next generation may run.
    """
    if sign.meaning is not Meaning.PROMPT:
        return []
    told = found(sign.text)
    messages = [m for m in fleet.of(agent.id) if m.state in _TAKEABLE and m.generation in (0, generation)]
    facts = {"evidence": f"hook {sign.kind}, before it ended", "generation": generation}
    stream = agent_stream(agent.id)
    return [Draft(stream, EventType.MESSAGE_SEEN, {"message": m.id, **facts}) for m in messages if told.get(m.id)]


def _unframed(messages: dict[str, Message], sign: Sign) -> list[Message]:
    """Return messages that went in as they are and read like the prompt."""
    typed = (m for m in messages.values() if m.state not in WAITING)
    return [m for m in typed if _squeezed(m.text) == _squeezed(sign.text)]


def _taken(agent: Agent, message: Message, sign: Sign, whole: bool) -> Draft | None:
    stream = agent_stream(agent.id)
    if not whole and message.state is not MessageState.TYPED:
        return None
    if not whole:
        facts: dict[str, object] = {"message": message.id, "reason": "it arrived cut: its end is missing"}
        return Draft(stream, EventType.MESSAGE_UNSEEN, facts)
    facts = {"message": message.id, "evidence": f"hook {sign.kind}"}
    if message.state in WAITING:  # typed by a supervisor that died before it could say so
        facts |= {"generation": agent.generation, "number": agent.typed + 1}
    return Draft(stream, EventType.MESSAGE_SEEN, facts)


def seen_by_screen(message: Message, agent: Agent, runner: Runner, sense: Sense) -> str:
    """Say how the screen shows that a typed message was taken; empty where it does not.

    The composer has to be empty, or gone while it works, and the message has to stand above it or a turn to have begun
    since. Where the program has signals they tell, and not the screen; but no signal tells of its own commands, and one
    that has signalled nothing since it started has had its hooks switched off.
    """
    command = message.kind == "raw" or is_command(message, runner.submit.commands)
    looked, sight = sense.looked, sense.sight
    if looked is None or sight is None or message.since is None:
        return ""
    mute = not sense.turns and not agent.heard and looked.at >= message.since + _SIGNALS_WITHIN
    if runner.submit.seen == "signal" and not command and not mute:
        return ""
    if sight.draft or looked.at < message.since + _DRAWS_WITHIN:
        return ""
    if sight.activity is Activity.WORKING and looked.since >= message.since:
        return "screen: a turn has begun, and no text stands in the composer"
    if not sight.composer:
        return ""
    if sense.shown is not None and message.id in safe_text(sense.shown.text):
        return "screen: it stands above an empty composer"
    return "screen: the composer is empty again" if command and looked.drawn >= message.since else ""


def seen_in_history(message: Message, folder: Path, runner: Runner) -> str:
    """Say where the program itself has noted that it took *message*, in its run *folder*; empty where it has not."""
    if not runner.submit.history:
        return ""
    try:
        descriptor = os.open(folder / runner.submit.history, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        file.seek(max(0, os.fstat(descriptor).st_size - _HISTORY_BYTES))
        text = file.read(_HISTORY_BYTES).decode(errors="replace")
    return f"its {runner.submit.history} holds it to the end" if f"[/{message.id}]" in text else ""


def is_ours(draft: str, typed: str, runner: Runner, *, touched: bool = False, tail: bool = True) -> bool:
    """Tell whether what stands in the composer is the text that we have *typed*, once, and nothing that a person adds.

    A composer wraps lines and may show a word for a pasted text, or, where *tail* may be, only the end of a long one:
    both could be a person's as well where they have *touched* it since.
    """
    shown, wanted = _closed_up(draft), _closed_up(typed)
    if not shown:
        return False
    if wanted == shown or touched:
        return wanted == shown
    if _is_framed_alike(shown, wanted):  # some programs redraw a letter as another of the same looks
        return True
    pasted = runner.composer.pasted if runner.composer is not None else ""
    if pasted and re.fullmatch(f"(?:{pasted}).{{0,40}}", draft.strip()) and len(re.findall(pasted, draft)) == 1:
        return True
    return tail and len(shown) >= _TELLING and wanted.endswith(shown)


def _is_framed_alike(shown: str, wanted: str) -> bool:
    """Tell whether *shown* has the header and the end mark of *wanted*, each once, and nothing about them."""
    head, _, rest = wanted.partition("]")
    mark = rest[rest.rfind("[/") :] if "[/" in rest else ""
    framed = head.startswith("[agentctl") and bool(mark)
    return framed and shown.startswith(f"{head}]") and shown.endswith(mark) and shown.count(head) == 1


def answered(agent: Agent, taken: Iterable[Message], evidence: str, answer: str) -> list[Draft]:
    """Return what the end of a turn says of the messages that the agent had *taken*."""
    facts = {"evidence": evidence, "answer": answer}
    return [
        Draft(agent_stream(agent.id), EventType.MESSAGE_ANSWERED, {"message": message.id, **facts}) for message in taken
    ]


def _closed_up(text: str) -> str:
    return "".join(text.split())


def _squeezed(text: str) -> str:
    return " ".join(text.split())
