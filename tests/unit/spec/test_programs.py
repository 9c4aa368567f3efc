"""An agent's limits, policy and dialogs fit its program, or are refused where they are written, with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agentctl.spec.programs import Program
from tests.unit.spec.conftest import POLICIES

MIB = 2**20
OPENCODE = Program("opencode", True, 896 * MIB, "it idles at 730 MB", POLICIES)


class TestMemory:
    def test_a_limit_below_what_the_program_needs_is_refused_with_the_reason(self, desk):
        problem = desk.only_problem("agents:\n  dev: { runner: opencode, limits: { memory: 512MiB } }\n")
        assert (problem.line, problem.column) == (4, 46)
        assert problem.message == "512MiB of memory is too little for opencode: it idles at 730 MB"
        assert problem.hint == "give it at least 896MiB"

    def test_it_is_shown_where_it_is_written_even_in_the_defaults(self, desk):
        problem = desk.only_problem(
            "defaults: { limits: { memory: 256MiB } }\nagents:\n  a: { runner: opencode }\n  b: { runner: opencode }\n"
        )
        assert problem.line == 3

    @pytest.mark.parametrize("memory", ["896MiB", "1GiB", "none"])
    def test_enough_is_enough(self, desk, memory):
        desk.team(f"agents: {{ dev: {{ runner: opencode, limits: {{ memory: {memory} }} }} }}\n")

    def test_who_wrote_no_limit_gets_what_the_program_needs_and_is_told(self, desk):
        team = desk.team("agents: { dev: { runner: opencode, replicas: 2 }, pm: { runner: claude } }\n")
        assert [agent.limits.memory_bytes for agent in team.agents] == [896 * MIB, 896 * MIB, 512 * MIB]
        assert team.notes == ("dev-1, dev-2 may take 896MiB of memory, not the default 512MiB: it idles at 730 MB",)

    def test_other_limits_keep_that_default(self, desk):
        team = desk.team("agents: { dev: { runner: opencode, limits: { cpu: 80% } } }\n")
        assert (team.agents[0].limits.memory_bytes, team.agents[0].limits.cpu_percent) == (896 * MIB, 80.0)

    def test_what_auto_happens_to_be_here_is_a_note_and_no_error(self, desk):
        desk.runners["auto"] = OPENCODE
        team = desk.team("agents:\n  dev: { limits: { memory: 512MiB } }\n")
        assert team.agents[0].limits.memory_bytes == 512 * MIB
        assert team.notes == (
            "dev: auto is opencode here; 512MiB of memory is too little for opencode: it idles at 730 MB; "
            "give it at least 896MiB (team.yaml:4)",
        )


class TestApprove:
    @pytest.mark.parametrize("policy", POLICIES)
    def test_a_policy_that_the_program_has(self, desk, policy):
        team = desk.team(f"agents: {{ dev: {{ runner: claude, approve: {policy} }} }}\n")
        assert team.agents[0].approve == policy
        assert team.notes == ()

    def test_one_that_it_lacks_is_refused_with_those_it_has(self, desk):
        problem = desk.only_problem("agents:\n  dev: { runner: codex, approve: plan }\n")
        assert (problem.line, problem.column) == (4, 34)
        assert problem.message == "codex has no way to be told approve: plan"
        assert problem.hint == "it knows ask, auto"

    def test_what_is_said_for_all_is_not_said_to_a_process(self, desk):
        team = desk.team(
            "defaults: { approve: auto }\nagents: { web: { command: sleep 1 }, dev: { runner: claude } }\n"
        )
        assert [agent.approve for agent in team.agents] == ["", "auto"]

    def test_what_is_said_to_a_process_itself_is_a_mistake(self, desk):
        problem = desk.only_problem("agents:\n  web: { command: sleep 1, approve: auto }\n")
        assert problem.message == "'approve' is for coding agents, and web is a process"

    def test_a_file_stays_right_where_auto_finds_no_coding_agent(self, desk):
        assert desk.team("agents: { dev: { approve: plan } }\n").agents[0].approve == ""

    def test_what_auto_finds_here_may_not_drop_what_holds_an_agent_back(self, desk):
        desk.runners["auto"] = desk.runners["codex"]
        problem = desk.only_problem("agents: { dev: { approve: plan } }\n")
        assert problem.message == "auto is codex here, which has no way to be told approve: plan"

    def test_nothing_written_leaves_it_to_the_program(self, desk):
        assert desk.team("agents: { dev: { runner: claude } }\n").agents[0].approve == ""

    def test_it_is_part_of_what_only_a_restart_can_change(self, desk):
        one, other = (
            desk.team(f"agents: {{ dev: {{ runner: claude, approve: {policy} }} }}\n").agents[0].digest()
            for policy in ("ask", "auto")
        )
        assert one != other


class TestConversation:
    def test_the_defaults(self, desk):
        agent = desk.team("agents: { dev: { runner: claude } }\n").agents[0]
        assert (agent.dialogs, agent.resume, agent.hang_after) == ({}, True, timedelta(minutes=15))

    def test_dialogs_that_are_left_to_a_person_are_not_answered(self, desk):
        agent = desk.team(
            "agents: { dev: { runner: claude, dialogs: { trust: accept, theme: ask, update: decline } } }\n"
        ).agents[0]
        assert agent.dialogs == {"trust": "accept", "update": "decline"}

    def test_an_agent_goes_over_the_defaults_dialog_by_dialog(self, desk):
        team = desk.team(
            "defaults: { dialogs: { trust: accept, update: decline } }\n"
            "agents: { dev: { runner: claude, dialogs: { trust: ask } } }\n"
        )
        assert team.agents[0].dialogs == {"update": "decline"}

    @pytest.mark.parametrize(
        ("text", "meant"), [("none", None), ("90s", timedelta(seconds=90)), ("1h", timedelta(hours=1))]
    )
    def test_hang_after(self, desk, text, meant):
        assert desk.team(f"agents: {{ dev: {{ hang_after: {text}, resume: false }} }}\n").agents[0].hang_after == meant

    @pytest.mark.parametrize(
        "line", ["hang_after: 15", "hang_after: 0s", "resume: maybe", "dialogs: { login: accept }", "dialogs: accept"]
    )
    def test_what_makes_no_sense_is_refused(self, desk, line):
        assert desk.check(f"version: 1\nname: a\nagents: {{ dev: {{ {line} }} }}\n")[1]
