"""One agent of a team file to its `AgentSpec`: what the defaults, its role and it itself say, one over the other."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from agentctl.domain import names, team
from agentctl.domain.units import format_bytes, format_duration
from agentctl.spec import allowance
from agentctl.spec.budgets import budget
from agentctl.spec.document import Restart
from agentctl.spec.document import Secret as SecretModel
from agentctl.spec.fill import Fill
from agentctl.spec.nodes import Mapping, Node, Scalar, find
from agentctl.spec.paths import absolute, default_root, workspace_root
from agentctl.spec.probes import argument_list, probe
from agentctl.spec.roles import PROCESS, SHELL
from agentctl.spec.roster import Draft, Load, Roster

_TEAM_WORDS = "messages/team.md.j2"
_CHECK_IN_WORDS = "check-in.md.j2"


def specify(draft: Draft, load: Load, roster: Roster, dependencies: tuple[team.Dependency, ...]) -> team.AgentSpec:
    """Return *draft* as it is wanted; what is wrong goes to the load's problems."""
    model, node = draft.model, draft.node
    root = _root(draft, load)
    limits = _limits(draft, load)
    fill = Fill(_facts(draft, load, roster, root, limits), load.problems, load.budget, load.shelf, load.used_later)
    _try_what_comes_later(draft, fill, root)
    load.check_ins[draft.name] = _check_in(draft, load, fill, root)
    return team.AgentSpec(
        team=load.document.name,
        name=draft.name,
        role=draft.role,
        runner=draft.runner,
        window=draft.window,
        index=draft.index,
        cwd=str(root),
        argv=_argv(draft, fill),
        model=model.model or "",
        env={name: fill.text(_at(node, "env", name)) for name in model.env or ()},
        env_pass=tuple(dict.fromkeys(model.env_pass or ())),
        secrets=_secrets(draft, load),
        prompt=_prompt(draft, load, fill, root),
        depends_on=dependencies,
        capabilities=tuple(dict.fromkeys(model.capabilities or ())),
        labels=dict(model.labels or {}),
        reports_to=model.reports_to or "",
        approve=allowance.policy(draft, load),
        dialogs=allowance.dialogs(draft),
        resume=model.resume if model.resume is not None else True,
        hang_after=_hang_after(model.hang_after),
        restart=_restart(model.restart),
        grace=model.grace if model.grace is not None else timedelta(seconds=5),
        ready=probe("ready", model.ready, node.entries["ready"], fill) if model.ready else None,
        health=probe("health", model.health, node.entries["health"], fill) if model.health else None,
        limits=limits,
        budget=budget(draft, load),
        priority=model.priority if model.priority is not None else team.PRIORITY,
    )


def _at(node: Mapping, *path: str) -> Node | None:
    spot = find(node, path)
    return None if spot.missing else spot.node


def _root(draft: Draft, load: Load) -> Path:
    node = _at(draft.node, "workspace", "root")
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return default_root(load.tree.place.source.path)
    root, problem = workspace_root(node.value, node.place, load.caller, load.variables.get("HOME"))
    if problem is not None:
        load.problems.append(problem)
    return root or load.caller


def _facts(draft: Draft, load: Load, roster: Roster, root: Path, limits: team.Limits) -> dict[str, object]:
    document = load.document
    memory, cpu = limits.memory_bytes, limits.cpu_percent
    return {
        "team": {
            "name": document.name,
            "description": document.description or "",
            "session": names.session_name(document.name),
            "tag": team.TAG,
            "agents": [other.facts for other in roster.drafts],
        },
        "agent": draft.facts,
        "peers": [other.facts for other in roster.drafts if other is not draft],
        "vars": dict(document.vars or {}),
        "workspace": {"root": str(root)},
        "limits": {
            "cpu": "none" if cpu is None else f"{cpu:g}%",
            "memory": "none" if memory is None else format_bytes(memory),
            "pulse": format_duration(limits.pulse),
        },
        "agentctl": {"python": sys.executable or "python3", "command": "agentctl"},
    }


def _argv(draft: Draft, fill: Fill) -> tuple[str, ...]:
    node = draft.node.get("command")
    if draft.runner != PROCESS:
        if node is not None:
            message = f"'command' is for runner: process, and {draft.name} has runner: {draft.runner}"
            fill.problems.append(node.place.problem(message, "remove one of the two"))
        return ()
    if node is None:
        message = f"agents.{draft.key} is a process and has no command"
        fill.problems.append(draft.entry.key.problem(message, "add 'command:', or give it another runner"))
        return ()
    argv = argument_list(node, fill, shell=bool(draft.model.shell))
    if argv and not argv[0]:
        fill.problems.append(node.place.problem("the command names no program"))
    return argv


def _prompt(draft: Draft, load: Load, fill: Fill, root: Path) -> str:
    """Return the brief, the prompt and how to speak to the others, filled in.

    A process is told nothing, and to a shell every word is a command; who is told nothing else is not told the last.
    """
    brief = fill.file(draft.node.get("brief"), [root])
    prompt = fill.text(draft.node.get("prompt"))
    if draft.runner == PROCESS:
        return ""
    if draft.runner == SHELL:
        return prompt.strip()
    told = [part.strip() for part in (brief, prompt) if part.strip()]
    if told and allowance.program_of(draft, load).coding:
        told.append(fill.shipped(_TEAM_WORDS, draft.entry.key).strip())
    return "\n\n".join(told)


def _try_what_comes_later(draft: Draft, fill: Fill, root: Path) -> None:
    """Fill in what is said to the agent while it works, so that its faults are found before anything is started."""
    commit = draft.node.get("commit")
    if isinstance(commit, Mapping):
        replace(fill, used_later=set()).text_or_file(commit.get("message"), [root])


def _check_in(draft: Draft, load: Load, fill: Fill, root: Path) -> str:
    """Return what a check-in asks *draft*; empty where it is never asked."""
    node = draft.node.get("check_in")
    if draft.model.check_in is False or (draft.model.check_in is None and not allowance.is_coding(draft, load)):
        return ""
    own = replace(fill, used_later=set())
    prompt = node.get("prompt") if isinstance(node, Mapping) else None
    text = own.text_or_file(prompt, [root]) if prompt is not None else own.shipped(_CHECK_IN_WORDS, draft.entry.key)
    if prompt is not None and own.used_later:
        name = min(own.used_later)
        load.remarks.append(
            f"a check-in uses {name}, known only when there is a task: it reads <{name}> ({prompt.place})"
        )
    return text.strip()


def _secrets(draft: Draft, load: Load) -> tuple[team.Secret, ...]:
    known = load.document.secrets or {}
    found = [_secret(name, known[name], load) for name in dict.fromkeys(draft.model.secrets or ()) if name in known]
    secrets = tuple(secret for secret in found if secret is not None)
    taken: dict[str, str] = {}
    for secret in secrets:
        spot = find(draft.node, ("secrets", secret.name))
        if secret.variable in taken or secret.variable in (draft.model.env or {}):
            message = f"the variable {secret.variable} of {draft.name} is given twice"
            load.problems.append(
                spot.node.place.problem(message, "name another one with 'as:' where the secret is defined")
            )
        taken[secret.variable] = secret.name
    return secrets


def _secret(name: str, model: SecretModel, load: Load) -> team.Secret | None:
    variable = model.as_ or model.env or name.upper().replace("-", "_")
    if model.env is not None:
        return team.Secret(name, variable, "env", model.env)
    if model.file is not None:
        place = find(load.tree, ("secrets", name, "file")).node.place
        return team.Secret(name, variable, "file", str(absolute(model.file, place, load.variables.get("HOME"))))
    if model.command is not None:
        return team.Secret(name, variable, "command", argv=tuple(model.command))
    return None


def _limits(draft: Draft, load: Load) -> team.Limits:
    plain, model = team.Limits(), draft.model.limits
    memory, pulse = allowance.memory_bytes(draft, load), allowance.pulse(draft, load)
    if model is None:
        return replace(plain, memory_bytes=memory, pulse=pulse)
    return team.Limits(
        cpu_percent=_bound(model.cpu, plain.cpu_percent),
        memory_bytes=memory,
        pulse=pulse,
        processes=None if (most := _bound(model.processes, plain.processes)) is None else int(most),
        on_exceed=model.on_exceed or plain.on_exceed,
    )


def _bound(given: float | None, plain: float | None) -> float | None:
    """Return *given* (None where nothing was written, endless for none at all) as a bound."""
    return plain if given is None else None if math.isinf(given) else given


def _hang_after(given: timedelta | None) -> timedelta | None:
    if given is None:
        return team.HANG_AFTER
    return None if given == timedelta.max else given


def _restart(model: Restart | None) -> team.RestartPolicy:
    plain, wait = team.RestartPolicy(), team.Backoff()
    if model is None:
        return plain
    if model.backoff is not None:
        given = model.backoff
        wait = team.Backoff(
            initial=given.initial or wait.initial,
            factor=given.factor or wait.factor,
            longest=given.max or wait.longest,
            jitter=wait.jitter if given.jitter is None else given.jitter,
        )
    return team.RestartPolicy(
        policy=model.policy or plain.policy,
        most=plain.most if model.max_restarts is None else model.max_restarts,
        window=model.window or plain.window,
        backoff=wait,
        well_after=model.well_after or plain.well_after,
        closed=model.closed or plain.closed,
    )
