"""Shipped templates can be put another in the place of; whatever will be said to an agent is filled in at load."""

from __future__ import annotations

import pytest

from agentctl.domain.team import TAG

HEAD = "version: 1\nname: shop\n"
DEV = "agents: { dev: { runner: claude } }\n"


def prompt(desk, content=DEV):
    return desk.team(content).agents[0].prompt


class TestPlaces:
    def test_ours_where_there_is_no_other(self, desk):
        assert prompt(desk).startswith("You are dev, a developer in the team")

    def test_the_users_own_goes_before_ours(self, desk, tmp_path):
        desk.variables["XDG_CONFIG_HOME"] = str(tmp_path / "config")
        desk.write("config/agentctl/templates/briefs/dev.md.j2", "{{ agent.name }} of mine\n")
        assert prompt(desk).startswith("dev of mine\n\n")

    def test_the_teams_own_goes_before_the_users(self, desk, tmp_path):
        desk.variables["XDG_CONFIG_HOME"] = str(tmp_path / "config")
        desk.write("config/agentctl/templates/briefs/dev.md.j2", "of mine")
        desk.write("templates/briefs/dev.md.j2", "of the team")
        assert prompt(desk).startswith("of the team\n\n")

    def test_a_fault_in_it_is_shown_at_its_own_line(self, desk):
        desk.write("templates/briefs/dev.md.j2", "one\n\n  {{ agent.nme }}\n")
        problem = desk.only_problem(DEV)
        assert (problem.file, problem.line, problem.column) == ("templates/briefs/dev.md.j2", 3, 3)
        assert problem.message == "there is no 'nme' here; did you mean 'name'?"

    def test_it_may_not_lead_out_of_the_teams_folder(self, desk, tmp_path_factory):
        secret = tmp_path_factory.mktemp("home") / "id_rsa"
        secret.write_text("hush")
        (desk.folder / "templates/briefs").mkdir(parents=True)
        (desk.folder / "templates/briefs/dev.md.j2").symlink_to(secret)
        assert "leads out of the team's folder" in desk.only_problem(DEV).message

    @pytest.mark.parametrize("data", [b"\xff\xfe", b"a\x00b", b"x" * (2**20 + 1)])
    def test_what_is_no_text_is_a_problem(self, desk, data):
        desk.write("templates/briefs/dev.md.j2", data)
        assert desk.only_problem(DEV).message.startswith("templates/briefs/dev.md.j2: ")


class TestTeamWords:
    def test_a_coding_agent_is_told_how_messages_look(self, desk):
        words = prompt(desk, "agents: { a: { runner: claude, prompt: Begin. } }\n")
        assert words.startswith("Begin.\n\nMessages from others reach you as [agentctl " + TAG)
        assert 'agentctl send shop/NAME "TEXT"' in words
        assert "agentctl inbox" in words

    def test_nobody_else_is(self, desk):
        team = desk.team(
            "agents: { a: { runner: shell, prompt: make }, b: { command: sleep 1 }, c: { runner: claude } }\n"
        )
        assert [agent.prompt for agent in team.agents] == ["make", "", ""]

    def test_a_new_colleague_restarts_nobody(self, desk):
        one = desk.team("agents: { a: { runner: claude, prompt: x } }\n").agent("a")
        two = desk.team("agents: { a: { runner: claude, prompt: x }, b: { runner: claude } }\n").agent("a")
        assert one.digest() == two.digest()

    def test_the_words_can_be_others(self, desk):
        desk.write("templates/messages/team.md.j2", "Read what begins with [agentctl {{ team.tag }}.\n")
        words = prompt(desk, "agents: { a: { runner: claude, prompt: Begin. } }\n")
        assert words == f"Begin.\n\nRead what begins with [agentctl {TAG}."


class TestLater:
    def test_check_ins_are_filled_in_before_anything_is_started(self, desk):
        problem = desk.only_problem(
            "agents:\n  a:\n    check_in:\n      every: 1h\n      prompt: |\n        Well,\n        {{ agent.nme }}?\n"
        )
        assert (problem.line, problem.column) == (9, 9)
        assert "there is no 'nme' here" in problem.message

    def test_so_is_the_file_that_one_names(self, desk):
        desk.write("ask.md.j2", "Hello\n{% for p in peers %}\n{{ p.nme }}\n{% endfor %}\n")
        content = "agents:\n  a: { check_in: { every: 1h, prompt: ask.md.j2 } }\n  b: { runner: shell }\n"
        problem = desk.only_problem(content)
        assert (problem.file, problem.line) == ("ask.md.j2", 3)

    def test_so_is_the_one_that_is_asked_where_none_is_written(self, desk):
        desk.write("templates/check-in.md.j2", "Well, {{ nobody }}?\n")
        problem = desk.only_problem("agents: { a: { check_in: { every: 1h } } }\n")
        assert (problem.file, problem.line) == ("templates/check-in.md.j2", 1)

    def test_what_a_task_knows_may_stand_in_it_without_a_note_on_the_first_prompt(self, desk):
        team = desk.team("agents: { a: { check_in: { every: 1h, prompt: 'How is {{ task.title }}?' } } }\n")
        assert not [note for note in team.notes if "first prompt" in note]

    def test_one_that_never_ends_is_stopped(self, desk):
        loops = "{% for a in team.agents %}" * 9 + "x" + "{% endfor %}" * 9
        desk.write("ask.md.j2", loops)
        agents = ", ".join(f"a{n}: {{ runner: shell }}" for n in range(20))
        _, problems = desk.check(
            HEAD + f"agents: {{ {agents}, b: {{ check_in: {{ every: 1h, prompt: ask.md.j2 }} }} }}\n"
        )
        assert [problem.message for problem in problems] == ["the templates take too long"]
