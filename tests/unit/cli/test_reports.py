"""`status` and `reports`: what agents say of themselves, as people and programs read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.cli.conftest import ask, row


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def report(**parts: object) -> dict[str, object]:
    return {"done": [], "doing": [], "blocked": [], "needs": [], "worded": True} | parts


def reporting(agent: str, minutes: float = 12, **more: object) -> dict[str, object]:
    said = report(done=["the cart", "its tests"], doing=["the docs"])
    facts = {"report": said, "reported_at": ago(minutes=minutes), "missed_check_ins": 0}
    return row(agent, activity="working", active_since=ago(minutes=4), **facts | more)


class TestStatus:
    def test_an_agent_with_its_task_and_the_parts_of_its_report(self, supervisor, agentctl) -> None:
        needy = reporting("shop/pm", report=report(needs=["a key"], blocked=["CI"]))
        supervisor.on("ps", {"agents": [needy, reporting("shop/dev", task="Build the cart")]})
        done = agentctl("status", "shop")
        assert done.code == 0
        assert done.lines == [
            "shop  2 agents, 1 needs you",
            "  ● pm  working 4m",
            "    needs a person  a key",
            "    blocked         CI",
            "                    reported 12m ago",
            "  ● dev  working 4m  Build the cart",
            "    doing           the docs",
            "    done            the cart; its tests",
            "                    reported 12m ago",
        ]
        assert supervisor.args("ps") == {"selectors": ["shop"]}

    def test_wide_gives_each_line_its_own(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [reporting("shop/dev")]})
        assert agentctl("status", "-o", "wide").lines[3:5] == [
            "    done            the cart",
            "                    its tests",
        ]

    def test_who_has_said_nothing_and_who_does_not_answer(self, supervisor, agentctl) -> None:
        silent = reporting("shop/b", missed_check_ins=3)
        supervisor.on("ps", {"agents": [row("shop/a", "stopped", report=None, missed_check_ins=1), silent]})
        lines = agentctl("status").lines
        assert lines[2] == "                    no report yet"
        assert lines[4] == "                    has not answered 3 check-ins"

    def test_an_answer_without_words_is_called_so(self, supervisor, agentctl) -> None:
        mute = reporting("shop/b", report=report(worded=False))
        supervisor.on("ps", {"agents": [reporting("shop/a", report=report()), mute]})
        lines = agentctl("status").lines
        assert lines[2].strip() == "answered 12m ago: nothing to tell"
        assert lines[4].strip() == "answered 12m ago; its program does not tell what it said"

    def test_those_that_wait_for_a_person_are_counted_and_called(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [reporting("shop/a", asking=ask()), reporting("web/b")]})
        done = agentctl("status")
        assert [line for line in done.lines if not line.startswith(" ")] == [
            "shop  1 agent, 1 needs you",
            "web  1 agent",
        ]
        assert done.lines[2] == "    asks            permission: Do you want to run npm i?"
        assert done.err == "1 agent waits for you: agentctl answer shop/a\n"

    def test_what_an_agent_said_obeys_nobody(self, supervisor, agentctl) -> None:
        hostile = "\x1b]52;c;aGk=\x07one\nshop  9 agents\u202e"
        supervisor.on("ps", {"agents": [reporting("shop/a", report=report(needs=[hostile]))]})
        done = agentctl("status")
        assert "\x1b" not in done.out
        assert done.lines[2] == "    needs a person  one shop 9 agents"

    def test_programs_get_all_of_it(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [reporting("shop/a")]})
        answer = json.loads(agentctl("status", "--json").out)
        assert (answer["kind"], answer["items"][0]["report"]["done"]) == ("StatusList", ["the cart", "its tests"])
        assert agentctl("status", "-o", "csv").lines[0] == (
            "agent,state,for,task,report,needs a person,blocked,doing,done"
        )

    def test_no_agents(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": []})
        assert agentctl("status").err == "no agents; start a team with: agentctl deploy\n"


class TestReports:
    @pytest.fixture
    def told(self, supervisor):
        said = report(done=["the cart"], needs=["a key", "a person"])
        supervisor.on(
            "reports", {"reports": [{"agent": "shop/dev", "at": ago(hours=2), "message": "1c9e04ab", **said}]}
        )
        return supervisor

    def test_a_line_a_report(self, told, agentctl) -> None:
        done = agentctl("reports", "shop", "-n", "5")
        assert done.lines == [
            "AGENT\tREPORTED\tNEEDS A PERSON\tBLOCKED\tDOING\tDONE",
            "shop/dev\t2h ago\ta key; a person\t\t\tthe cart",
        ]
        assert told.args("reports") == {"selectors": ["shop"], "limit": 5}

    def test_programs_get_lists(self, told, agentctl) -> None:
        answer = json.loads(agentctl("reports", "--json").out)
        assert (answer["kind"], answer["items"][0]["needs"]) == ("ReportList", ["a key", "a person"])
        assert agentctl("reports", "-o", "name").lines == ["1c9e04ab"]

    def test_none_yet(self, supervisor, agentctl) -> None:
        supervisor.on("reports", {"reports": []})
        assert agentctl("reports").err == "no reports yet; agents are asked for one at check_in of the team file\n"


class TestElsewhere:
    def test_ps_says_who_says_that_it_needs_a_person(self, supervisor, agentctl) -> None:
        supervisor.on("ps", {"agents": [reporting("shop/a", report=report(needs=["a key"])), reporting("shop/b")]})
        lines = agentctl("ps").lines
        assert lines[1].endswith("\tit says it needs a person: a key")
        assert "needs a person" not in lines[2]

    def test_why_has_the_last_report_and_the_silence(self, supervisor, agentctl) -> None:
        supervisor.on("why", {"agent": reporting("shop/a", missed_check_ins=2)})
        (line,) = [line for line in agentctl("why", "shop/a").lines if line.startswith("reports")]
        said = "reported 12m ago; doing: the docs; done: the cart; its tests"
        assert line.split(maxsplit=1)[1] == f"has not answered 2 check-ins; {said}"
