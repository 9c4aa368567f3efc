"""Names that would run, escape, hide or overflow something: refused with their place, wherever a name may stand."""

from __future__ import annotations

import json

import pytest

SEEDS = [
    "", " ", "#(touch x)", "#{pane_id}", "../", "../../etc/passwd", "-x", "--help", "@0", "$1", "$(id)", "`id`",
    "=", "=shop", "%7", ":", "a:b", "a.b", "a/b", "a b", " a", "a ", "a\n", "\n", "a\nb", "a\tb", "PM", "Pm",
    "1a", "_a", "a" * 32, "a" * 10_000, "é", "名前", "\u0430dmin", "a\u200bb", "שלום", "a\u00a0b", "*",
    "?", "[a]", "{a}", "a|b", "a;b", "a&b", "a>b", "~", "~root", "!", "%", "^", "a'b", 'a"b', "a\\b", "\\",
    "con.", "a,b", "<b>", "&amp;", "{{ 7*7 }}", "{% x %}", "a+b", "a~b", "a@b", "☃", "🙂", "%s", "%n",
    "a\u0301",
]  # fmt: skip
NAMES = {*SEEDS, *(f"a{seed}" for seed in SEEDS if seed), *(f"{seed}#(x)" for seed in SEEDS)} - {
    "a-x",
    "a--help",
    "a1a",
    "a_a",
}

PLACES = {
    "agent": "version: 1\nname: shop\nagents:\n  {}: {{}}\n",
    "team": "version: 1\nname: {}\nagents: {{a: {{}}}}\n",
    "role": "version: 1\nname: shop\nagents: {{a: {{}}}}\nroles:\n  {}: {{}}\n",
    "window": "version: 1\nname: shop\nagents:\n  a:\n    window: {}\n",
    "variable": "version: 1\nname: shop\nagents: {{a: {{env: {{{}: x}}}}}}\n",
}


def test_there_are_two_hundred_of_them():
    assert len(NAMES) >= 200


@pytest.mark.parametrize("where", PLACES)
def test_hostile_names_are_refused_with_their_place(desk, where):
    fine = {"window": {"PM", "Pm", "aPM", "aPm"}, "variable": {"PM", "Pm", "_a", "aPM", "aPm"}}.get(where, set())
    long = {"a" * 32, "a" * 33} if where in ("window", "variable") else set()
    line = {"agent": 4, "team": 2, "role": 5, "window": 5, "variable": 3}[where]
    for name in sorted(NAMES - fine - long):
        team, problems = desk.check(PLACES[where].format(json.dumps(name)))
        assert team is None, name
        assert any(problem.line == line and problem.column > 1 for problem in problems), (name, problems)
        assert all("\n" not in problem.message or len(problem.message) < 300 for problem in problems)
    assert sorted(path.name for path in desk.folder.iterdir()) == ["team.yaml"]


@pytest.mark.parametrize("escape", ["\\u202e", "\\u2066", "\\x00", "\\e[31m", "\\x9b31m", "\\u2028", "\\ud800"])
def test_hidden_characters_written_as_escapes_are_refused(desk, escape):
    team, problems = desk.check(f'version: 1\nname: shop\nagents:\n  a: {{prompt: "x{escape}y"}}\n')
    assert team is None
    assert problems[0].line == 4


def test_nothing_hostile_reaches_the_terminal(desk):
    _, problems = desk.check(b"version: 1\nname: shop\nagents:\n  a: {\x1b]52;c;eA==\x07: 1}\n# \xc2\x9b31m\n")
    shown = "\n".join(problem.render() for problem in problems)
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
