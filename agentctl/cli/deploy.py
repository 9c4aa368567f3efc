"""`deploy` (and `up`): bring teams up, or change only what differs."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from agentctl.cli.confirm import confirm
from agentctl.cli.environment import environment_for
from agentctl.cli.folder import here
from agentctl.cli.options import Format, Json, Teams, Timeout, Yes, call_of, duration, output_of
from agentctl.cli.output import Output
from agentctl.cli.plans import removals, show_plans
from agentctl.cli.progress import (
    RESULT_COLUMNS,
    Progress,
    exit_code,
    tell_failures,
    tell_kept_back,
    tell_questions,
)
from agentctl.cli.shell import shell_line
from agentctl.cli.supervisor_process import ensure_supervisor
from agentctl.cli.team_files import chosen_files, load_teams
from agentctl.control.client import Client
from agentctl.control.home import Home, find_home
from agentctl.domain.codec import encode
from agentctl.domain.errors import AgentctlError
from agentctl.domain.team import TeamSpec

_MARGIN_SECONDS = 30.0
"""On top of the deadline that the supervisor keeps: it answers by then, or is not well."""


def deploy(
    context: typer.Context,
    teams: Teams = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")] = False,
    yes: Yes = False,
    timeout: Timeout = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until the agents are ready.")] = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Bring teams up, or change only what differs from what runs.

    Every file is checked before anything is started. Agents come up in the order of their dependencies, each with a
    line of its own. Ctrl-C only stops watching: the deploy goes on.

    Exit code 7 when some agents became ready and others did not, 1 when none did, 6 when the time was over, 8 when an
    agent asks you something before it can begin.
    """
    if dry_run:
        from agentctl.cli.plan import plan  # noqa: PLC0415  the other command, only with this flag

        return plan(context, teams, detailed_exitcode=False, form=form, json=json)
    output = output_of(context, form, json=json)
    specs = load_teams(chosen_files(teams or [], here()), here())
    requests = [_request(spec, wait=not no_wait, timeout=timeout) for spec in specs]
    home = find_home()
    ensure_supervisor(home)
    plans = [Client(home).call("plan", {key: request[key] for key in ("team", "environment")}) for request in requests]
    if output.for_people:
        show_plans(plans, output)
    gone = removals(plans)
    if gone:
        confirm(f"Stop what is no longer in the file: {', '.join(gone)}?", call_of(context), yes=yes)
    results = _deploy_all(home, requests, output)
    return _conclude(results, output, waited=not no_wait)


def _request(spec: TeamSpec, *, wait: bool, timeout: str) -> dict[str, Any]:
    from agentctl.spec.settings import load_settings  # noqa: PLC0415  loads YAML

    limit = duration(timeout, "--timeout") or load_settings(here()).deploy_timeout
    return {
        "team": encode(spec),
        "environment": environment_for(spec, os.environ),
        "wait": wait,
        "timeout": limit.total_seconds(),
        "remove": True,
    }


def _deploy_all(home: Home, requests: Sequence[Mapping[str, Any]], output: Output) -> list[dict[str, Any]]:
    """Deploy all teams at once and return the results in the order of *requests*."""
    results: dict[str, dict[str, Any]] = {}
    try:
        with Progress(output, "Ctrl-C leaves, the deploy goes on") as progress:
            for kind, team, value in _answers(home, requests):
                if kind == "item":
                    progress.item(value)
                elif kind == "result":
                    results[team] = value
                else:
                    raise value
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the deploy goes on; watch it with: agentctl ps -w") from None
    return [results[request["team"]["name"]] for request in requests]


def _answers(home: Home, requests: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Ask for all teams at once, each on a thread of its own, and yield what comes until all have answered."""
    answers: queue.Queue[tuple[str, str, Any]] = queue.Queue()

    def ask(request: Mapping[str, Any]) -> None:
        team = request["team"]["name"]
        try:
            result = Client(home).call(
                "deploy",
                dict(request),
                on_item=lambda item: answers.put(("item", team, item)),
                timeout=request["timeout"] + _MARGIN_SECONDS,
            )
        except AgentctlError as error:
            answers.put(("error", team, error))
        else:
            answers.put(("result", team, result))

    for request in requests:
        threading.Thread(target=ask, args=(request,), daemon=True).start()
    open_teams = len(requests)
    while open_teams:
        answer = answers.get()
        open_teams -= answer[0] == "result"
        yield answer


def _conclude(results: Sequence[dict[str, Any]], output: Output, *, waited: bool) -> int:
    for result in results:
        tell_failures(result.get("failed") or (), output)
        tell_questions(result.get("asking") or (), output)
        if waited:
            tell_kept_back(result.get("kept_back") or (), output)
        if waited and result.get("timed_out"):
            output.say(f"not ready in time: {', '.join(result.get('waiting') or ())}", "yellow")
    if not output.for_people:
        output.records("DeployList", results, RESULT_COLUMNS, name="team")
    else:
        _next_steps(results, output)
    return exit_code(results) if waited else 0


def _next_steps(results: Sequence[dict[str, Any]], output: Output) -> None:
    agents = [agent for result in results for agent in (*(result.get("ready") or ()), *(result.get("waiting") or ()))]
    from agentctl.drivers.tmux.attach import attach_argv  # noqa: PLC0415  only here

    output.say("")
    if agents:
        output.say(f"Watch: agentctl ps -w   Attach: agentctl attach {agents[0]}")
    for result in results:
        argv = attach_argv(result.get("socket") or find_home().tmux_socket, result["session"], environ={})
        output.say(f"{result['team']} in plain tmux: {shell_line(argv)}")
