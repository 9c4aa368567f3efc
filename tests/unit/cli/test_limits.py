"""`limits`, `pause` and `resume`: what is asked of the supervisor, what is printed, how it ends."""

from __future__ import annotations

import json

import pytest

from agentctl.domain.errors import Refused
from tests.unit.cli.conftest import row


def spending(agent: str = "a/b", **more: object) -> dict[str, object]:
    spent = {"tokens": 0, "usd": 0.0, "work_seconds": 0.0, "cached": 0, "estimated": False, "unpriced": ""}
    budget = {"tokens": None, "usd": None, "work_seconds": None}
    used = {"tokens": 0, "usd": 0.0, "work_seconds": 0.0}
    facts = {"spent": spent, "used": used, "budget": budget, "work_since": None, "by_hand": [], "paused": None}
    return row(agent, **facts, **more)


class TestLimits:
    def test_a_line_an_agent_with_what_is_in_force(self, supervisor, agentctl) -> None:
        bounded = spending()
        bounded["budget"] |= {"tokens": 2_000_000, "usd": 10.0}
        bounded["used"] |= {"tokens": 812_000, "usd": 3.184}
        bounded["spent"] |= {"estimated": True}
        bounded["by_hand"] = ["budget"]
        bounded["limits"] = {"cpu_percent": 40.0, "memory_bytes": None, "pulse_seconds": 2.0, "processes": 512}
        free = spending("a/a")
        free["spent"] |= {"tokens": 1234, "work_seconds": 7200.0}
        supervisor.on("ps", {"agents": [bounded, free]})
        done = agentctl("limits")
        assert done.lines == [
            "AGENT\tCPU\tMEMORY\tPULSE\tPROCESSES\tBUDGET\tLEVEL\tFROM",
            "a/a\t50%\t512MiB\t2s\tnone\t1.23k tokens, 2h; no bound\twatch\tfile",
            "a/b\t40%\tnone\t2s\t512\t812k tokens of 2M tokens, ~$3.18 of $10.00\twatch\tby hand: budget",
        ]
        assert done.code == 0

    def test_a_model_without_a_price_is_named(self, supervisor, agentctl) -> None:
        found = spending()
        found["spent"] |= {"tokens": 10, "unpriced": "x\x1b[31m"}
        supervisor.on("ps", {"agents": [found]})
        assert "10 tokens, no price for x" in agentctl("limits", "ls").out

    def test_json_has_every_figure(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [spending()]})
        (record,) = json.loads(agentctl("limits", "a", "--json").out)["items"]
        assert {"agent", "limits", "level", "budget", "spent", "used", "by_hand", "paused"} <= record.keys()
        assert supervisor.args("ps")["selectors"] == ["a"]

    def test_what_is_not_given_is_not_set_and_none_is_no_limit(self, supervisor, agentctl) -> None:
        supervisor.on("limit", {"agents": [spending()]})
        done = agentctl("limits", "set", "a/b", "--cpu", "40%", "--memory", "none", "--tokens", "2M", "--time", "1h30m")
        assert done.code == 0
        assert supervisor.args("limit") == {
            "selectors": ["a/b"],
            "limits": {"cpu_percent": 40.0, "memory_bytes": None},
            "budget": {"tokens": 2_000_000, "work_seconds": 5400.0},
        }

    def test_every_value_can_be_set_and_taken_away(self, supervisor, agentctl) -> None:
        supervisor.on("limit", {"agents": []})
        given = ("--pulse", "5s", "--processes", "200", "--usd", "$2.50", "--memory", "1GiB")
        agentctl("limits", "set", "a", *given)
        assert supervisor.args("limit")["limits"] == {"memory_bytes": 2**30, "pulse_seconds": 5.0, "processes": 200}
        assert supervisor.args("limit")["budget"] == {"usd": 2.5}
        agentctl("limits", "set", "a", "--pulse", "none", "--processes", "none", "--usd", "none")
        assert supervisor.args("limit")["limits"] == {"pulse_seconds": 0.0, "processes": None}
        assert supervisor.args("limit")["budget"] == {"usd": None}

    @pytest.mark.parametrize(
        ("flag", "value", "said"),
        [
            ("--cpu", "40", "for example 50%, or none"),
            ("--memory", "lots", "for example 512MiB or 1GiB, or none"),
            ("--pulse", "2", "for example 2s"),
            ("--processes", "-3", "for example 200"),
            ("--tokens", "1.5", "for example 200, 500k or 2M"),
            ("--usd", "much", "for example 5 or 2.50"),
            ("--time", "soon", "for example 2s"),
        ],
    )
    def test_a_value_that_makes_no_sense_is_told_by_its_flag(self, supervisor, agentctl, flag, value, said) -> None:
        done = agentctl("limits", "set", "a", flag, value)
        assert done.code == 2
        assert flag in done.err
        assert said in done.err
        assert supervisor.asked == []

    def test_a_refusal_is_9(self, supervisor, agentctl) -> None:
        supervisor.on("limit", Refused("8MiB of memory is too little for a/b", hint="give it more"))
        done = agentctl("limits", "set", "a/b", "--memory", "8MiB")
        assert (done.code, done.out) == (9, "")

    def test_reset(self, supervisor, agentctl) -> None:
        supervisor.on("limit", {"agents": [spending()]})
        assert agentctl("limits", "reset", "a").code == 0
        assert supervisor.args("limit") == {"selectors": ["a"], "reset": True}
        assert agentctl("limits", "reset").code == 2


class TestPause:
    def test_what_became_of_each(self, supervisor, agentctl) -> None:
        answer = {"paused": ["a/b"], "already": ["a/c"], "not_running": []}
        supervisor.on("pause", answer)
        done = agentctl("pause", "a")
        assert (done.code, done.out) == (0, "")
        assert done.err == "a/b paused\na/c was paused already\nagentctl resume lets them go on\n"

    @pytest.mark.parametrize(("paused", "code"), [(["a/b"], 7), ([], 1)])
    def test_one_that_does_not_run_cannot(self, supervisor, agentctl, paused, code) -> None:
        stopped = [{"agent": "a/d", "state": "stopped"}]
        supervisor.on("pause", {"paused": paused, "already": [], "not_running": stopped})
        done = agentctl("pause", "a")
        assert done.code == code
        assert "a/d cannot be paused: it is stopped" in done.err

    def test_resume_says_whose_budget_begins_anew(self, supervisor, agentctl) -> None:
        supervisor.on("resume", {"resumed": ["a/b", "a/c"], "anew": ["a/c"], "already": ["a/d"]})
        done = agentctl("resume", "@paused", "--json")
        outcomes = {item["agent"]: item["outcome"] for item in json.loads(done.out)["items"]}
        assert outcomes == {
            "a/b": "resumed",
            "a/c": "resumed, until as much again is used up",
            "a/d": "was not paused",
        }
        assert supervisor.args("resume") == {"selectors": ["@paused"]}

    def test_nobody_is_meant_by_leaving_names_out(self, supervisor, agentctl) -> None:
        assert agentctl("pause").code == 2
        assert agentctl("resume").code == 2
        assert supervisor.asked == []

    def test_a_state_that_nobody_is_in(self, supervisor, agentctl) -> None:
        supervisor.on("resume", {"resumed": [], "anew": [], "already": []})
        done = agentctl("resume", "@paused")
        assert (done.code, done.err) == (0, "no agent is in that state\n")
