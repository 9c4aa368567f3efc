"""Reads checkpoints: commits of ours on an agent's reference, with what we note at the end of their messages."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agentctl.domain.checkpoint import Checkpoint, FileChange
from agentctl.domain.errors import NotFound
from agentctl.domain.names import AgentId
from agentctl.domain.text import safe_line, safe_text
from agentctl.drivers.git.command import GitFailed
from agentctl.drivers.git.patch import WORDS, read
from agentctl.drivers.git.reference import name_of
from agentctl.drivers.git.shadow import Shadow

NAME, ADDRESS = "agentctl", "checkpoints@agentctl.invalid"
"""Who makes checkpoints; no mail can ever be sent there (RFC 2606)."""

LOOKED_BACK = 300
"""Among how many checkpoints a slot's is looked for: a week of one each half hour."""

_TRAILERS = re.compile(r"Agentctl-(Agent|Team|Task): .*(\nAgentctl-(Agent|Team|Task): .*)*")
"""What a message may end with; no other words of it stand among our notes."""
_SLOT, _CHANGED = "Agentctl-Slot", "Agentctl-Changed"
_SLOT_RULE = re.compile(r"[\x21-\x7e]{1,200}")
_COUNTS = re.compile(r"(\d+) files \+(\d+) -(\d+)")
_NAME_RULE = re.compile("[0-9a-f]{7,64}")
_FORMAT = "%x00".join(
    ("%H", "%ce", "%ct", *(f"%(trailers:key={key},valueonly,separator=%x20)" for key in (_SLOT, _CHANGED)), "%s")
)


@dataclass(frozen=True, slots=True)
class Revision:
    """One checkpoint by its name, with its parents and its message."""

    commit: str
    parents: tuple[str, ...]
    message: str

    @property
    def base(self) -> str:
        """What it is compared with."""
        return self.parents[-1]


def compose(message: str, slot: str, changes: Sequence[FileChange]) -> bytes:
    """Return the whole message of a checkpoint: *message*, and our notes as trailers, among those it ends with if any.

    Raises ValueError for a *slot* that cannot be noted in it; empty: it is made for none.
    """
    if slot and not _SLOT_RULE.fullmatch(slot):
        raise ValueError(f"{slot!r} is no slot: 1 to 200 printable ASCII characters without spaces")
    text = safe_text(message).strip() or "Checkpoint"
    added, removed = sum(change.added for change in changes), sum(change.removed for change in changes)
    notes = (f"{_SLOT}: {slot}\n" if slot else "") + f"{_CHANGED}: {len(changes)} files +{added} -{removed}\n"
    gap = "\n" if _TRAILERS.fullmatch(text.rpartition("\n\n")[2]) else "\n\n"
    return f"{text}{gap}{notes}".encode(errors="replace")


def subject_of(text: bytes) -> str:
    """Return the first paragraph of a composed message, on one line, as git has it."""
    return safe_line(text.decode().partition("\n\n")[0])


def tip(shadow: Shadow, agent: AgentId) -> str:
    """Return the last checkpoint of *agent*, empty where there is none."""
    output = shadow.git("rev-parse", "--quiet", "--verify", name_of(agent), allowed=(0, 1))
    return output.decode().strip()


def history(shadow: Shadow, agent: AgentId, last: str, most: int) -> list[Checkpoint]:
    """Return the checkpoints of *agent* from *last* on back; those before the first are the user's commits."""
    if not last:
        return []
    words = ("log", "--first-parent", f"--max-count={most}", f"--format={_FORMAT}", last, "--")
    found: list[Checkpoint] = []
    for record in shadow.git(*words).decode(errors="replace").split("\n")[:-1]:
        commit, address, at, slot, changed, subject = record.split("\0", 5)
        if address != ADDRESS:
            break
        counts = _COUNTS.fullmatch(changed.strip())
        files, added, removed = map(int, counts.groups()) if counts is not None else (0, 0, 0)
        moment = datetime.fromtimestamp(int(at), UTC)
        found.append(Checkpoint(commit, agent, moment, safe_line(subject), slot.strip(), files, added, removed))
    return found


def look_up(shadow: Shadow, commit: str) -> Revision:
    """Return the checkpoint that *commit* names, whole or shortened; raise `NotFound`."""
    missing = NotFound(
        f"there is no checkpoint {safe_line(commit)!r}", hint="name one of the agent's list by at least 7 of its digits"
    )
    if not _NAME_RULE.fullmatch(commit):
        raise missing
    words = ("log", "--no-walk", "--max-count=1", "--format=%H%x00%ce%x00%P%x00%B", commit, "--")
    try:
        record = os.fsdecode(shadow.git(*words))
    except GitFailed as failure:
        if "bad revision" in failure.said or "bad object" in failure.said or "ambiguous" in failure.said:
            raise missing from None
        raise
    name, address, parents, message = record.split("\0", 3)
    if address != ADDRESS or not parents:
        raise missing
    return Revision(name, tuple(parents.split()), safe_text(message).strip())


def changes_of(shadow: Shadow, revision: Revision) -> tuple[FileChange, ...]:
    """Return how a checkpoint differs from its base."""
    output = shadow.git(*WORDS, revision.base, revision.commit)
    return tuple(delta.change() for delta in read(io.BytesIO(output)))
