"""Rows: what every face shows of an agent, and in what order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agentctl.domain.agent import Agent, AgentState, Identity
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Level, Sample
from agentctl.domain.team import AgentSpec, TeamSpec
from agentctl.views.fleet import Fleet, Team
from agentctl.views.rows import agent_rows, team_rows

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SAMPLE = Sample(AgentId("t/a"), 12.345, 1.0, 2048, "pss", 3, 4.21, 0.1, Level.SIGNALS)
PROMISED = {
    "team", "agent", "role", "runner", "state", "since", "evidence", "generation", "restarts", "pid", "pane",
    "session", "window", "cpu_percent", "memory_bytes", "limits",
}  # fmt: skip


def agent(name: str, state: AgentState, minutes: int = 0, **facts: object) -> Agent:
    return Agent(AgentId(f"t/{name}"), state, NOW - timedelta(minutes=minutes), **facts)  # type: ignore[arg-type]


def fleet(*agents: Agent) -> Fleet:
    specs = tuple(AgentSpec("t", a.id[2:], "dev", "auto", f"T-{a.id[2:]}", i, "/") for i, a in enumerate(agents))
    return Fleet(teams={"t": Team(TeamSpec("t", specs, "Task-t", "/t.yaml"))}, agents={a.id: a for a in agents})


def test_a_row_keeps_its_promise() -> None:
    one = agent("a", AgentState.RUNNING, process=Identity("b", 42, 1), runner="shell")
    (row,) = agent_rows(fleet(one), [one.id], {one.id: SAMPLE}, "here")
    assert row.keys() >= PROMISED
    assert (row["pid"], row["runner"], row["cpu_percent"], row["memory_bytes"]) == (42, "shell", 12.3, 2048)
    assert (row["level"], row["memory_kind"], row["throttled_percent"]) == ("signals", "pss", 4.2)
    assert row["limits"] == {
        "cpu_percent": 50.0, "memory_bytes": 512 * 2**20, "pulse_seconds": 2.0, "processes": 512,
        "on_exceed": "restart",
    }  # fmt: skip


def test_those_that_need_a_person_come_first_and_the_longest_ignored_before_others() -> None:
    seen = fleet(
        agent("fine", AgentState.RUNNING, 99),
        agent("stopped", AgentState.STOPPED, 99),
        agent("done", AgentState.EXITED, 99, exit_code=0),
        agent("late", AgentState.STARTING, 1, late=True),
        agent("new", AgentState.FATAL, 1),
        agent("old", AgentState.FATAL, 9),
        agent("broke", AgentState.EXITED, 1, exit_code=3),
        agent("again", AgentState.BACKOFF, 1),
    )
    order = [row["name"] for row in agent_rows(seen, list(seen.agents), {}, "here")]
    assert order == ["old", "new", "broke", "late", "again", "fine", "done", "stopped"]


def test_what_is_not_known_is_not_nought() -> None:
    one = agent("a", AgentState.STOPPED)
    (row,) = agent_rows(fleet(one), [one.id], {}, "here")
    assert (row["cpu_percent"], row["memory_bytes"], row["pid"], row["pane"]) == (None, None, None, None)


def test_teams_count_what_needs_a_person() -> None:
    (row,) = team_rows(fleet(agent("a", AgentState.RUNNING), agent("b", AgentState.FATAL)))
    assert (row["agents"], row["running"], row["attention"], row["source"]) == (2, 1, 1, "/t.yaml")
