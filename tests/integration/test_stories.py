"""Whole stories of a supervisor on a machine in memory: time is the fake clock's, so minutes take milliseconds."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from agentctl.domain.agent import AgentState
from agentctl.domain.errors import NotFound, TerminalUnreachable
from agentctl.domain.events import Draft, EventType
from agentctl.domain.team import Backoff, Dependency, Probe, RestartPolicy
from tests.integration.machine import Machine, request, team

Story = Callable[[Machine], Awaitable[None]]


def test_deploy_brings_all_up_in_order_and_again_does_nothing(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "web", "db")
        needs_db = replace(spec.agents[0], depends_on=(Dependency("db"),))
        spec = replace(spec, agents=(needs_db, spec.agents[1]))
        result = await machine.ask("deploy", **request(spec))
        assert result["ready"] == ["t/web", "t/db"]
        assert [opening.agent for opening in machine.terminal.opened] == ["t/db", "t/web"]
        assert {opening.agent: opening.index for opening in machine.terminal.opened} == {"t/web": 0, "t/db": 1}
        before = machine.log.head()
        again = await machine.ask("deploy", **request(spec))
        assert again["plan"]["counts"] == {"create": 0, "change": 0, "remove": 0, "keep": 2}
        assert machine.log.head() == before
        assert len(machine.terminal.opened) == 2

    play(story)


def test_a_changed_agent_is_started_anew_and_its_neighbour_is_not(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "a", "b")
        await machine.ask("deploy", **request(spec))
        changed = replace(spec, agents=(replace(spec.agents[0], argv=("other",)), spec.agents[1]))
        result = await machine.ask("deploy", **request(changed))
        assert result["plan"]["counts"]["change"] == 1
        assert (machine.agent("t/a").generation, machine.agent("t/b").generation) == (2, 1)

    play(story)


def test_what_is_no_longer_in_the_file_is_ended_and_forgotten(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", "b")))
        await machine.ask("deploy", **request(team("t", "a")))
        await machine.until(lambda: list(machine.states()) == ["t/a"])
        assert len(await machine.terminal.panes()) == 1

    play(story)


def test_a_crashing_agent_backs_off_and_is_given_up_after_five(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "a", restart=RestartPolicy(backoff=Backoff(jitter=False)))
        await machine.ask("deploy", **request(spec))
        for generation in range(1, 7):
            await machine.until(
                lambda g=generation: machine.agent("t/a").generation == g and machine.agent("t/a").process is not None
            )
            machine.terminal.agent_ends(machine.agent("t/a").pane, 3)
            await machine.until(lambda g=generation: machine.events("agent:t/a").count("AgentExited") == g)
        await machine.until(machine.is_in("t/a", AgentState.FATAL))
        assert "last exit code 3" in machine.agent("t/a").evidence
        starts = [e.at for e in machine.log.read(stream="agent:t/a") if e.type == "AgentStarting"]
        waits = [(b - a).total_seconds() for a, b in itertools.pairwise(starts)]
        assert all(wait >= least for wait, least in zip(waits, (1, 2, 4, 8, 16), strict=True))
        assert machine.agent("t/a").restarts == 5

    play(story)


def test_success_is_left_alone(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        machine.terminal.agent_ends(machine.agent("t/a").pane, 0)
        await machine.until(machine.is_in("t/a", AgentState.EXITED))
        await machine.clock.sleep(3600)
        assert machine.agent("t/a").state is AgentState.EXITED

    play(story)


def test_what_a_person_closed_stays_closed(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        machine.terminal.person_closes(machine.agent("t/a").pane)
        await machine.until(machine.is_in("t/a", AgentState.CLOSED))
        await machine.clock.sleep(3600)
        assert machine.agent("t/a").state is AgentState.CLOSED

    play(story)


def test_what_a_person_closed_comes_back_where_the_team_file_says_so(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", restart=RestartPolicy(closed="restart"))))
        machine.terminal.person_closes(machine.agent("t/a").pane)
        await machine.until(lambda: machine.agent("t/a").generation == 2)
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))

    play(story)


def test_renamed_and_moved_windows_are_put_back_and_it_is_recorded(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", "b")))
        pane = machine.agent("t/a").pane
        machine.terminal.person_renames(pane, "mine")
        await machine.until(lambda: "AgentRepaired" in machine.events("agent:t/a"))
        (found,) = [p for p in await machine.terminal.panes() if p.id == pane]
        assert (found.window, found.index) == ("W-a", 0)
        assert machine.agent("t/a").generation == 1

    play(story)


def test_a_layout_that_is_to_be_left_is_left(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(replace(team("t", "a"), layout="leave")))
        machine.terminal.person_renames(machine.agent("t/a").pane, "mine")
        await machine.clock.sleep(60)
        assert "AgentRepaired" not in machine.events("agent:t/a")

    play(story)


def test_the_death_of_the_tmux_server_is_told_from_a_closed_window(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", "b")))
        machine.terminal.server_dies()
        await machine.until(lambda: machine.events("agent:t/a").count("AgentExited") == 1)
        assert machine.agent("t/a").evidence.endswith("the tmux server ended")
        await machine.until(lambda: all(a.generation == 2 for a in machine.world.ledger.fleet.agents.values()))
        await machine.until(lambda: set(machine.states().values()) == {"running"})

    play(story)


def test_silence_of_tmux_is_not_the_death_of_agents(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        before = machine.log.head()
        machine.terminal.freeze()
        await machine.clock.sleep(30)
        assert machine.log.head() == before
        assert (await machine.ask("ps"))["silence"]
        with pytest.raises(TerminalUnreachable):
            await machine.ask("deploy", **request(team("u", "a")))
        machine.terminal.freeze(frozen=False)
        await machine.clock.sleep(30)
        assert machine.agent("t/a").state is AgentState.RUNNING

    play(story)


def test_stop_all_ends_everything_and_is_safe_to_repeat(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", "b")))
        stubborn = machine.spawn(parent=machine.agent("t/a").process, ignores={15})
        result = await machine.ask("stop-all")
        assert sorted(result["stopped"]) == ["t/a", "t/b"]
        assert result["survivors"] == []
        assert not machine.processes.alive(stubborn)
        assert await machine.terminal.panes() == []
        assert (await machine.ask("stop-all"))["stopped"] == []

    play(story)


def test_stop_keeps_an_agent_down_and_restart_brings_it_back(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        await machine.ask("stop", selectors=["t/a"])
        await machine.clock.sleep(600)
        assert machine.agent("t/a").state is AgentState.STOPPED
        assert (await machine.ask("restart", selectors=["t/a"]))["ready"] == ["t/a"]
        assert (await machine.ask("restart", selectors=["t"]))["ready"] == ["t/a"]
        assert machine.agent("t/a").generation == 3

    play(story)


def test_reset_forgets_the_team_and_keeps_its_history(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        await machine.ask("reset", team="t")
        assert machine.states() == {}
        assert "AgentStarted" in machine.events("agent:t/a")
        with pytest.raises(NotFound):
            await machine.ask("reset", team="t")
        assert (await machine.ask("deploy", **request(team("t", "a"))))["ready"] == ["t/a"]

    play(story)


def test_an_agent_that_fails_at_once_is_reported_with_what_waits_for_it(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "db", "web", folder="/no/such/folder")
        web = replace(spec.agents[1], cwd="/", depends_on=(Dependency("db"),))
        result = await machine.ask("deploy", **request(replace(spec, agents=(spec.agents[0], web))))
        failed = {f["agent"]: f for f in result["failed"]}
        assert failed["t/db"]["state"] == "fatal"
        assert "/no/such/folder" in failed["t/db"]["evidence"]
        assert "t/db (fatal)" in failed["t/web"]["evidence"]

    play(story)


def test_agents_run_on_while_the_supervisor_is_away_and_are_adopted(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", "b")))
        await machine.kill()
        machine.terminal.agent_ends(machine.agent("t/b").pane, 0)
        await machine.start()
        await machine.until(machine.is_in("t/b", AgentState.EXITED))
        assert machine.agent("t/a").generation == 1
        assert machine.agent("t/a").state is AgentState.RUNNING

    play(story)


def test_windows_made_just_before_the_supervisor_died_are_adopted_not_made_again(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        machine.terminal.fails_with.append(TerminalUnreachable("cut off after the windows were made"))
        result = await machine.ask("deploy", **request(team("t", "a", "b")))
        assert sorted(result["ready"]) == ["t/a", "t/b"]
        assert len(machine.terminal.opened) == 2
        assert machine.agent("t/a").generation == 1

    play(story)


@pytest.mark.parametrize("code", [0, 1])
def test_stopping_what_has_ended_closes_its_window_too(play: Callable[[Story], None], code: int) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", restart=RestartPolicy("never"))))
        machine.terminal.agent_ends(machine.agent("t/a").pane, code)
        await machine.until(machine.is_in("t/a", AgentState.EXITED))
        assert len(await machine.terminal.panes()) == 1
        await machine.ask("stop", selectors=["t"])
        assert await machine.terminal.panes() == []
        assert machine.agent("t/a").exit_code == code

    play(story)


def test_another_programs_server_on_the_port_does_not_make_an_agent_ready(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        machine.processes.ports[port] = machine.spawn()
        probe = Probe("tcp", f"127.0.0.1:{port}", timeout=timedelta(seconds=5))
        result = await machine.ask("deploy", **request(team("t", "a", ready=probe)))
        assert result["ready"] == []
        assert f"port {port} is held by another program" in str(result["items"])
        machine.processes.ports[port] = machine.spawn(parent=machine.agent("t/a").process)
        await machine.until(machine.is_in("t/a", AgentState.RUNNING))
        server.close()
        await server.wait_closed()

    play(story)


def test_a_deploy_while_it_is_being_stopped_brings_it_back(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a")))
        machine.spawn(parent=machine.agent("t/a").process, ignores={15})
        stopping = asyncio.create_task(machine.ask("stop", selectors=["t"]))
        await machine.until(machine.is_in("t/a", AgentState.STOPPING))
        assert (await machine.ask("deploy", **request(team("t", "a"))))["ready"] == ["t/a"]
        stopped = await stopping
        told = (stopped["left"], stopped["survivors"], stopped["timed_out"])
        assert told == (["t/a"], [], False), "another order has taken over"
        assert machine.agent("t/a").generation == 2

    play(story)


def test_a_team_of_the_same_name_from_another_file_is_pointed_out(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(replace(team("t", "a"), source="/one/t.yaml")))
        plan = await machine.ask("plan", **request(replace(team("t", "a"), source="/two/t.yaml")))
        assert "/one/t.yaml" in plan["notes"][0]

    play(story)


def test_a_team_that_was_reset_starts_at_once_when_deployed_again(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        for generation in (1, 2):
            assert (await machine.ask("deploy", **request(team("t", "a"))))["ready"] == ["t/a"]
            assert machine.agent("t/a").generation == generation
            assert machine.agent("t/a").failures == ()
            await machine.ask("reset", team="t")

    play(story)


def test_the_grace_that_was_asked_for_is_kept(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        spec = team("t", "a")
        spec = replace(spec, agents=(replace(spec.agents[0], grace=timedelta(minutes=10)),))
        await machine.ask("deploy", **request(spec))
        machine.spawn(parent=machine.agent("t/a").process, ignores={15})
        await machine.ask("stop", selectors=["t"], grace=0.5)
        at = {event.type: event.at for event in machine.log.read(stream="agent:t/a")}
        # The clock jumps whenever the loop is at rest, so only what lies far from the spec's own grace tells anything.
        assert timedelta(seconds=0.5) <= at["AgentStopped"] - at["AgentStopping"] < timedelta(minutes=1)

    play(story)


def test_what_an_agent_says_after_its_end_changes_nothing(play: Callable[[Story], None]) -> None:
    async def story(machine: Machine) -> None:
        await machine.ask("deploy", **request(team("t", "a", restart=RestartPolicy("never"))))
        machine.terminal.agent_ends(machine.agent("t/a").pane, 1)
        await machine.until(machine.is_in("t/a", AgentState.EXITED))
        facts = {"generation": 1, "evidence": "it said idle"}
        machine.world.ledger.append([Draft("agent:t/a", EventType.AGENT_IDLE, facts)])
        assert machine.agent("t/a").evidence == "exited with code 1"

    play(story)
