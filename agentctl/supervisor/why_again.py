"""What an agent that was started again is told of it: why, and whether it remembers."""

from __future__ import annotations

from agentctl.domain.agent import Agent, AgentState, Ending

_WHY = {
    Ending.CRASH: "your program crashed ({evidence})",
    Ending.MEMORY: "your program ran out of memory ({evidence}); use less of it",
    Ending.QUOTA: "a usage limit had stopped you ({evidence}); it should be over now",
    Ending.HANG: "nothing of your program had moved for a long time ({evidence})",
    Ending.LOST_SESSION: "your former conversation could not be opened ({evidence})",
    Ending.SERVER: "the terminal that you ran in ended, perhaps with the machine",
    Ending.DONE: "your program had ended ({evidence})",
}


def was_unasked(agent: Agent) -> bool:
    """Tell whether *agent*, which is about to be started again, ended without anybody's wish."""
    return agent.state is AgentState.BACKOFF or (agent.state is AgentState.PENDING and agent.ending is not None)


def why_again(agent: Agent, *, resumed: bool) -> str:
    """Return what *agent*, whose former generation has ended, is told; *resumed*: its conversation goes on."""
    ending = agent.ending if was_unasked(agent) else None
    reason = _WHY[ending].format(evidence=agent.evidence) if ending is not None else agent.evidence
    why = f"You were started again: {reason or 'somebody asked for it'}."
    if resumed:
        return f"{why} Your conversation goes on. Look at how far you came before you do anything twice, then go on."
    return f"{why} This is a new conversation: what you did before is in the files, and you do not remember it."
