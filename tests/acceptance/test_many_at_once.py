"""Fifty commands at once: nobody waits for long, nobody sees a lock, and the end is what some order would give."""

from __future__ import annotations

import time

import pytest

from tests.acceptance.stage import Stage, note, until

CLIS = 50
LONGEST = 60.0
"""Seconds: as many fresh Pythons start on what cores there are, and others may be at work there."""


@pytest.mark.timeout(300)
def test_fifty_commands_at_once_end_in_time_and_in_some_order(crowd: None, stage: Stage) -> None:
    team = stage.team(agents={"one": stage.stays(), "sh": {"runner": "shell"}, "two": stage.stays()})
    stage.deploy(team)
    mix = [
        ["ps"],
        ["ps", "--json"],
        ["send", "web/sh", "echo hi"],
        ["events", "--json"],
        ["stop", "web/two"],
        ["deploy", str(team), "--yes"],
        ["peek", "web/sh"],
        ["restart", "web/one"],
        ["send", "web/sh", "--wait", "60s", "echo $AGENTCTL_AGENT"],
        ["logs", "web/sh"],
    ]
    begun = time.monotonic()
    running = [stage.spawn(*mix[number % len(mix)]) for number in range(CLIS)]
    done = [stage.finish(process) for process in running]
    took = time.monotonic() - begun
    note(f"{took:.1f} s, slowest {max(one.seconds for one in done):.1f} s")
    assert took < LONGEST
    assert not [one for one in done if "locked" in one.said or "made a mistake" in one.said]
    wrong = [one for one in done if one.code and one.words[0] not in ("peek", "deploy", "restart")]
    assert not wrong, wrong[0]
    odd = [one for one in done if one.code not in (0, 1, 4, 7)]
    assert odd == []
    until(lambda: stage.all_in("running", "stopped"), "all has settled")
    states = stage.states()
    assert (states["web/one"], states["web/sh"]) == ("running", "running")
    assert stage.running() == {"web/one": 1} | ({"web/two": 1} if states["web/two"] == "running" else {})
    assert stage.supervisor()
    until(lambda: len(answered(stage)) >= CLIS // 5, "what was sent has run, too")
    assert len(answered(stage)) == len(set(answered(stage))) == CLIS // 5
    assert stage.run("audit", "verify").code == 0
    stage.deploy(team)
    assert stage.all_in("running")


def answered(stage: Stage) -> list[str]:
    return [event["data"]["message"] for event in stage.events("MessageAnswered") if event["data"]["code"] == 0]
