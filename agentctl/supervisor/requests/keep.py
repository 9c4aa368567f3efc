"""Keeping work: checkpoints made now, listed, shown, and given back."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from agentctl.domain.checkpoint import Checkpoint, FileChange
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError, NotFound, Refused, UsageError
from agentctl.domain.names import AgentId
from agentctl.domain.text import safe_line
from agentctl.supervisor.archivist import Kept
from agentctl.supervisor.requests.request import Request

_LISTED, _SEARCHED = 20, 1000
_CHARACTERS_EACH = 2**20
"""Of a patch in one item: each is six bytes at most, and a line of the wire has a bound."""


async def commit(request: Request) -> dict[str, Any]:
    """Make a checkpoint of each selected agent, an item each; without *now* only say what each would hold."""
    chosen, now = _own(request, request.selected()), request.arg("now", bool, default=False)
    archivist, rows = request.desk.archivist, []
    for name in chosen:
        try:
            kept = await (archivist.keep(name, actor=request.caller.name) if now else archivist.survey(name))
            rows.append(_outcome(name, kept))
        except AgentctlError as error:  # of one, and the others are kept all the same
            rows.append({**_outcome(name, Kept()), "why": error.message})
        await request.emit(rows[-1])
    return {"made": [row["agent"] for row in rows if row["commit"]], "rows": rows}


async def checkpoints(request: Request) -> dict[str, Any]:
    """Return the newest checkpoints of the selected agents, the newest first."""
    most = request.arg("limit", int, _LISTED)
    found: list[Checkpoint] = []
    chosen = request.selected()
    for name in chosen:
        try:
            folder = request.desk.archivist.folder(name)
            found += await asyncio.to_thread(request.world.checkpoints.listed, folder, name, most)
        except NotFound:
            if len(chosen) == 1:
                raise  # of several, one without a repository has none, and the others have theirs
    newest = sorted(found, key=lambda one: one.at, reverse=True)[:most]
    return {"checkpoints": [_row(one) for one in newest]}


async def checkpoint(request: Request) -> dict[str, Any]:
    """Return one checkpoint with its message and what it changed."""
    _, folder, one = await _one(request)
    message, changes = await asyncio.to_thread(request.world.checkpoints.show, folder, one.commit)
    return {"checkpoint": _row(one), "message": message, "changes": [_change(change) for change in changes]}


async def difference(request: Request) -> dict[str, Any]:
    """Send the patch from a checkpoint to the folder as it is, or to another checkpoint, in pieces."""
    name, folder, one = await _one(request)
    other = request.arg("other", str, "")
    until = (await _find(request, name, folder, other)).commit if other else None
    patch = await asyncio.to_thread(request.world.checkpoints.diff, folder, one.commit, until)
    text = patch.decode(errors="replace")
    for start in range(0, len(text), _CHARACTERS_EACH):
        await request.emit({"text": text[start : start + _CHARACTERS_EACH]})
    return {"checkpoint": _row(one), "other": until, "bytes": len(patch)}


async def restore(request: Request) -> dict[str, Any]:
    """Give files of a checkpoint back: into a new folder, or in their place after a checkpoint of what is there."""
    name, folder, one = await _one(request)
    paths, into = tuple(request.texts("paths")), request.arg("into", str, "")
    world = request.world
    if into:
        if not Path(into).is_absolute():
            raise UsageError("'into' has to be an absolute path")
        number = await asyncio.to_thread(world.checkpoints.extract, folder, one.commit, paths, Path(into))
        return {"checkpoint": _row(one), "files": number, "saved": None, "into": into}
    kept = await request.desk.archivist.keep(name, actor=request.caller.name)
    saved = kept.checkpoint.commit if kept.checkpoint is not None else await _newest(request, name, folder)
    restoring = partial(world.checkpoints.restore, folder, one.commit, paths, saved=saved)
    written = await asyncio.to_thread(restoring)
    return {"checkpoint": _row(one), "files": len(written), "saved": saved, "into": str(folder)}


async def _newest(request: Request, name: AgentId, folder: Path) -> str | None:
    found = await asyncio.to_thread(request.world.checkpoints.listed, folder, name, 1)
    return found[0].commit if found else None


async def _one(request: Request) -> tuple[AgentId, Path, Checkpoint]:
    name = request.one().id
    folder = request.desk.archivist.folder(name)
    return name, folder, await _find(request, name, folder, request.arg("commit", str, ""))


async def _find(request: Request, name: AgentId, folder: Path, commit: str) -> Checkpoint:
    """Return the checkpoint of *name* that *commit*, or what it begins with, names; the newest where it is empty."""
    found = await asyncio.to_thread(request.world.checkpoints.listed, folder, name, _SEARCHED if commit else 1)
    matching = [one for one in found if one.commit.startswith(commit.lower())]
    if not matching:
        what = f"{name} has no checkpoint {safe_line(commit)}".rstrip()
        raise NotFound(what, hint=f"there are: agentctl checkpoint ls {name}")
    if len(matching) > 1 and commit:
        raise UsageError(f"{safe_line(commit)} may be {len(matching)} checkpoints of {name}", hint="give more letters")
    return matching[0]


def _own(request: Request, chosen: list[AgentId]) -> list[AgentId]:
    """Return *chosen*; an agent may keep its own folder only."""
    caller = request.caller.agent
    if caller is None:
        return chosen
    if request.texts("selectors") and chosen != [caller]:
        raise Refused("an agent may keep its own folder only", hint="leave the name out")
    return [caller]


def _outcome(name: AgentId, kept: Kept) -> dict[str, Any]:
    survey, made = kept.survey, kept.checkpoint
    return {
        "agent": name,
        "commit": made.commit if made is not None else None,
        "subject": made.subject if made is not None else "",
        "changes": [_change(change) for change in survey.changes] if survey is not None else [],
        "left_out": [encode(one) for one in kept.left_out],
        "why": kept.skipped.value if kept.skipped is not None else None,
    }


def _row(one: Checkpoint) -> dict[str, Any]:
    row: dict[str, Any] = encode(one)
    return row


def _change(change: FileChange) -> dict[str, Any]:
    row: dict[str, Any] = encode(change)
    return row
