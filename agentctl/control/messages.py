"""Everything that can be asked of the supervisor: verbs, who may ask, and what comes back.

A person's command line may ask all of it; an agent (told apart by the kernel, not by what it says) only what is open
to agents. Results are plain JSON; their keys are part of the public API.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be asked."""

    name: str
    agents: bool = False
    """Whether an agent may ask it."""
    streams: bool = False
    """Whether items come before the result."""


_ALL = (
    # {} → {version, protocol, pid, since, home, tmux, agents, teams}
    Verb("hello", agents=True),
    # {team: TeamSpec} → PlanDocument
    Verb("plan"),
    # {team, environment: {NAME: value}, wait: bool, timeout: seconds, remove: bool}
    #   items {agent, state, evidence, seconds}; result {team, session, plan, ready: [id], failed: [Failure],
    #   waiting: [id], timed_out, attach}
    Verb("deploy", streams=True),
    # {selectors: [text]} → {agents: [AgentRow], teams: [TeamRow], level}
    Verb("ps", agents=True),
    # {selectors, recent: rounds (60, 0 for none)} → as ps, and {at, machine}; each row with
    #   recent {cpu_percent: [number | null], memory_bytes: …}: one value a second, the oldest first
    #   machine {at, cores, cpu_percent (of one core), memory_bytes, available_bytes, agents_cpu_percent,
    #   agents_memory_bytes, band_percent (what all agents may take), reserve_bytes (what is to stay free)}, or null
    #   where nobody has looked lately
    Verb("monitor", agents=True),
    # {selectors, since: seconds, resolution: second | minute | hour} → {resolution, rows: [{agent, at, resolution,
    #   seconds (looked at), cpu_percent, cpu_percent_most, memory_bytes, memory_bytes_most, throttled_percent,
    #   longest_stop (seconds), processes (most)}]}; refused where it is more than 20,000 rows
    Verb("samples", agents=True),
    # {} → {teams: [name], agents: [id]}
    Verb("names", agents=True),
    # {agent, lines, escapes} → {agent, text}
    Verb("peek", agents=True),
    # {selectors, lines, follow} items {agent, line}; result {}
    Verb("logs", agents=True, streams=True),
    # {after, stream, limit, follow} items Event; result {head}
    Verb("events", agents=True, streams=True),
    # {agent: selector | "person", text, keys: [name], wait: seconds | null, when: "" | "idle" | "now", raw: bool}
    #   → {message: its id, agent, state, evidence (how it is known, or why it is held, unseen or dead), code, answer,
    #   asks: bool (its reader waits for a person)}; raw: as it is, without a header; keys and raw: persons only
    Verb("send", agents=True),
    # {take: bool} → {reader: agent id | "person", messages: [MessageRow with text]}: the caller's own that wait;
    #   what is taken counts as answered
    Verb("inbox", agents=True),
    # {selectors, states: [state], limit} → {messages: [MessageRow]}, the newest last; an agent sees its own
    #   MessageRow {id, agent, sender, kind, state, when, since, queued_at, reason, evidence, answer, code, hops,
    #   number, generation, text (its first line)}
    Verb("messages", agents=True),
    # {id} → {message: MessageRow with its whole text, history: [{at, type, evidence}]}
    Verb("message", agents=True),
    # {ids} → {messages: [MessageRow]}: queued again, at the end
    Verb("retry"),
    # {ids} → {messages: [MessageRow]}: given up
    Verb("drop"),
    # {agent} → {agent: AgentRow, verdict: {activity, source, evidence, since, phase},
    #   screen: {rule, line, activity, composer, draft: bool, drawn} | null, sign: {meaning, kind, at} | null,
    #   ask: Ask | null, messages: [MessageRow], session, history: [{at, type, evidence}]}
    #   Ask {id, kind, title, options: [text], since, until}; an agent may ask about its own team
    Verb("why", agents=True),
    # {agent, choice: an option's number or words | "approve" | "deny", ask: id | null} → {agent, ask, choice, state};
    #   refused where another question than *ask* stands there by now
    Verb("answer"),
    # {selectors, reset: bool, limits: {cpu_percent, memory_bytes, pulse_seconds, processes},
    #   budget: {tokens, usd, work_seconds}} → {agents: [AgentRow]}: what is not given stays, null is no limit; in force
    #   at once. With reset those of the team file hold again
    Verb("limit"),
    # {selectors} → {paused: [id], already: [id], not_running: [{agent, state}]}: they stand still, handed nothing
    Verb("pause"),
    # {selectors} → {resumed: [id], anew: [id] (their budget is counted from here on), already: [id]}
    Verb("resume"),
    # {selectors, now: bool} items Outcome {agent, commit, subject, changes: [FileChange], left_out: [LeftOut], why};
    #   result {made: [id], rows: [Outcome]}: without now nothing is made. An agent keeps its own folder only
    Verb("commit", agents=True, streams=True),
    # {selectors, limit} → {checkpoints: [Checkpoint]}, the newest first
    Verb("checkpoints"),
    # {agent, commit: what it begins with, empty for the newest} → {checkpoint, message, changes: [FileChange]}
    Verb("checkpoint"),
    # {agent, commit, other} items {text} of the patch; result {checkpoint, other, bytes}
    Verb("checkpoint-diff", streams=True),
    # {agent, commit, paths, into: a new folder, empty for in its place} → {checkpoint, files: how many were
    #   written, saved: the commit that holds what was there, into}
    Verb("restore"),
    # {selectors} → {schedules: [{team, schedule, agent, kind, timing, next, last, evidence}]}
    Verb("schedules", agents=True),
    # {selectors, limit} → {reports: [{agent, at, message: the check-in's id, done, doing, blocked, needs: [line],
    #   worded: whether words of the answer are known}]}, the newest last
    Verb("reports", agents=True),
    # {wait: seconds} → {taken: [slot's name], finished: bool (no checkpoint is under way)}: what is due is done now
    Verb("tick"),
    # {selectors, grace} items {agent, state, evidence}; result {stopped: [id], survivors: [{agent, pid}]}
    Verb("stop", streams=True),
    # {selectors, new: bool (begin new conversations)} items as deploy; result as deploy
    Verb("restart", streams=True),
    # {grace} as stop
    Verb("stop-all", streams=True),
    # {team} items as stop; result {team, kept: path}
    Verb("reset", streams=True),
    # {selector} → {socket, session, window, pane, agent}
    Verb("attach"),
    # {selectors} → {waiting: [{agent, since}]}: who waits for a person, the longest first
    Verb("next"),
    # {ways: [way]} → {ways: [{way, told: bool, words}]}: each is tried, all that are configured where none is named
    Verb("notify"),
    # {} → {}: the supervisor ends, agents run on, and no tick starts another
    Verb("shutdown"),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ALL}
