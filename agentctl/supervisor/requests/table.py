"""The table of handlers: one a verb of `control.messages`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from agentctl.control.messages import VERBS, Verb
from agentctl.domain.errors import Refused, UsageError
from agentctl.domain.events import SUPERVISOR_STREAM, Draft, EventType
from agentctl.supervisor.requests import (
    ask,
    bring_down,
    bring_up,
    figures,
    keep,
    limits,
    look,
    mail,
    pauses,
    people,
    speak,
    times,
)
from agentctl.supervisor.requests.request import Request

Handler = Callable[[Request], Awaitable[dict[str, Any]]]


async def _shutdown(request: Request) -> dict[str, Any]:
    request.world.home.keep_down()
    request.desk.finish.set()
    return {}


HANDLERS: dict[str, Handler] = {
    "hello": look.hello,
    "plan": bring_up.make_plan,
    "deploy": bring_up.deploy,
    "ps": look.ps,
    "monitor": figures.monitor,
    "samples": figures.samples,
    "names": look.names,
    "peek": look.peek,
    "logs": look.logs,
    "events": look.events,
    "send": speak.send,
    "inbox": mail.inbox,
    "messages": mail.messages,
    "message": mail.message,
    "retry": mail.retry,
    "drop": mail.drop,
    "why": ask.why,
    "answer": ask.answer,
    "limit": limits.limit,
    "pause": pauses.pause,
    "resume": pauses.resume,
    "commit": keep.commit,
    "checkpoints": keep.checkpoints,
    "checkpoint": keep.checkpoint,
    "checkpoint-diff": keep.difference,
    "restore": keep.restore,
    "schedules": times.schedules,
    "reports": times.reports,
    "tick": times.tick,
    "stop": bring_down.stop,
    "restart": bring_up.restart,
    "stop-all": bring_down.stop_all,
    "reset": bring_down.reset,
    "attach": look.attach,
    "next": people.next_,
    "notify": people.notify,
    "shutdown": _shutdown,
}


async def answer(verb: str, request: Request) -> dict[str, Any]:
    """Carry out *verb* where the caller may ask it; a refusal is recorded."""
    if verb not in HANDLERS:
        raise UsageError(f"this supervisor knows no '{verb}'", hint="is it of another version? agentctl daemon status")
    _check_right(VERBS[verb], request)
    return await HANDLERS[verb](request)


def _check_right(verb: Verb, request: Request) -> None:
    if request.caller.agent is None or verb.agents:
        return
    why = f"agents may not ask for '{verb.name}'"
    facts = {"verb": verb.name, "why": why, "pid": request.caller.pid}
    request.record([Draft(SUPERVISOR_STREAM, EventType.CALL_REFUSED, facts)])
    raise Refused(f"{request.caller.agent}: {why}", hint="a person can, from a shell of their own")
