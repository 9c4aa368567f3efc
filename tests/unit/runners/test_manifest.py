"""Manifests: the shipped ones are sane, a user's change or add to them, and mistakes are said by file and key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.domain.errors import SpecError
from agentctl.runners.manifest import load
from agentctl.runners.registry import Runners
from agentctl.runners.runner import Runner
from agentctl.runners.words import PLACEHOLDER

SHIPPED = Runners.load()
CODING = tuple(runner.name for runner in SHIPPED.coding())
RULE = "\n[[screens]]\nname = 'one'\nall = ['x']\n"
MINIMAL = 'title = "Mine"\nlaunch = ["{program}"]\nprograms = ["mine"]\n'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_these_are_shipped() -> None:
    assert set(CODING) >= {"claude", "codex", "gemini", "opencode", "qwen", "aider"}
    assert CODING[0] == "claude"
    assert set(SHIPPED.names()) - set(CODING) == {"process", "shell"}


@pytest.mark.parametrize("name", SHIPPED.names())
def test_a_shipped_manifest_passes_the_checks_that_a_user_s_has_to(name: str) -> None:
    assert load(Path(SHIPPED.get(name).source)) == SHIPPED.get(name)


@pytest.mark.parametrize("name", SHIPPED.names())
def test_every_field_of_a_shipped_manifest_is_sane(name: str) -> None:
    runner = SHIPPED.get(name)
    assert runner.title
    assert runner.launch_words
    assert 0 < runner.ready.after.total_seconds() <= 5
    assert timedelta(0) <= runner.submit.delay <= timedelta(seconds=1)
    assert 1024 <= runner.submit.safe_bytes <= 64 * 1024
    assert runner.notes.endswith(".")
    assert 0 <= runner.least_memory_bytes <= 2**30
    assert Path(runner.source).is_file()
    assert "{program}" in {w for group in runner.launch_words for w in group} or not runner.programs


@pytest.mark.parametrize("name", CODING)
def test_a_coding_agent_is_found_started_read_and_left_in_its_own_way(name: str) -> None:
    runner = SHIPPED.get(name)
    assert runner.programs
    assert runner.version
    assert runner.launch_words[0] == ("{program}",)
    assert runner.submit.channel == "typing"
    assert runner.least_memory_bytes >= 256 * 2**20
    assert runner.least_memory_why
    assert runner.composer is not None
    assert {"idle", "working"} <= {rule.state for rule in runner.rules}
    assert runner.login.env or runner.login.files


@pytest.mark.parametrize("name", CODING)
def test_every_rule_of_a_shipped_manifest_says_how_it_is_answered(name: str) -> None:
    for rule in SHIPPED.get(name).rules:
        assert bool(rule.options) == bool(rule.answer), f"{rule.name}: options need keys, and keys options"
        assert not (rule.kind == "permission" and not rule.deny), f"{rule.name}: a person must be able to say no"


def test_programs_without_ai() -> None:
    process, shell = SHIPPED.get("process"), SHIPPED.get("shell")
    assert (process.ready.how, process.ready.after, process.submit.channel) == ("alive", timedelta(seconds=1), "none")
    assert (shell.ready.how, shell.submit.channel) == ("signal", "inbox")
    assert not process.coding
    assert not shell.coding


def test_a_users_file_changes_only_what_it_gives(tmp_path: Path) -> None:
    write(tmp_path, "claude", '[submit]\ndelay = "1s"\n')
    mine, shipped = Runners.load(tmp_path).get("claude"), SHIPPED.get("claude")
    assert mine.submit.delay == timedelta(seconds=1)
    assert mine.submit.keys == shipped.submit.keys
    assert (mine.launch_words, mine.order) == (shipped.launch_words, shipped.order)
    assert mine.source == str(tmp_path / "claude.toml")


def test_a_users_file_changes_one_rule_and_keeps_the_others(tmp_path: Path) -> None:
    first, *others = SHIPPED.get("gemini").rules
    mine = (
        f"[[screens]]\nname = '{first.name}'\npriority = 7\n\n[[screens]]\nname = 'new'\nstate = 'idle'\nall = ['x']\n"
    )
    write(tmp_path, "gemini", mine)
    rules = Runners.load(tmp_path).get("gemini").rules
    assert rules[0] == replace(first, priority=7)
    assert rules[1:-1] == tuple(others)
    assert (rules[-1].name, rules[-1].all) == ("new", ("x",))


def test_a_users_file_adds_a_runner_of_its_own_or_on_top_of_another(tmp_path: Path) -> None:
    write(tmp_path, "mine", MINIMAL)
    write(tmp_path, "claude-beta", 'extends = "claude"\ntitle = "Beta"\nprograms = ["claude-beta"]\norder = 5\n')
    runners = Runners.load(tmp_path)
    assert runners.get("mine") == Runner(
        "mine", "Mine", (("{program}",),), programs=("mine",), source=runners.get("mine").source
    )
    beta = runners.get("claude-beta")
    assert (beta.title, beta.programs, beta.ready.how) == ("Beta", ("claude-beta",), "composer")
    assert runners.coding()[0] is beta


def test_a_users_folder_need_not_exist(tmp_path: Path) -> None:
    assert Runners.load(tmp_path / "none").names() == SHIPPED.names()
    assert Runners.load(None).names() == SHIPPED.names()


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("", "title", "is missing: write a text"),
        ('title = "x"', "launch", "is missing: write a list of texts"),
        (MINIMAL + "titel = 1", "titel", "did you mean title?"),
        (MINIMAL + "[submit]\ndelai = '1s'", "submit.delai", "did you mean delay?"),
        (MINIMAL + "[submit]\ndelay = '300'", "submit.delay", "a duration with a unit"),
        (MINIMAL + "[submit]\ndelay = 300", "submit.delay", "write a text"),
        (MINIMAL + "[submit]\nsafe_bytes = '4'", "submit.safe_bytes", "a size with a unit"),
        (MINIMAL + "[submit]\nchannel = 'post'", "submit.channel", "write one of: typing, inbox, none"),
        (MINIMAL + "[submit]\nkeys = 'Enter'", "submit.keys", "write a list of texts"),
        (MINIMAL + "[submit]\nlines = 'yes'", "submit.lines", "write true or false"),
        (MINIMAL + "[ready]\nhow = 'soon'", "ready.how", "write one of: alive, screen, signal, composer"),
        (MINIMAL + "ready = 'soon'", "ready", "write a table"),
        (MINIMAL + "coding = 1", "coding", "write true or false"),
        (MINIMAL + "order = true", "order", "write a whole number"),
        (MINIMAL + "order = 1.5", "order", "write a whole number"),
        (MINIMAL + "version = [1]", "version", "write texts that are not empty"),
        (MINIMAL + "version = ['']", "version", "write texts that are not empty"),
        (MINIMAL + "[env]\nA = 1", "env.A", "write a text"),
        (MINIMAL + "[env]\nA = '{what}'", "env.A", "{what} is not known"),
        (MINIMAL + "[env]\nA = '{argv}'", "env.A", "it stands alone"),
        (MINIMAL + "least_memory = '1G'", "least_memory", "a size with a unit"),
        ('title = "x"\nlaunch = "claude"', "launch", "write a list of texts"),
        ('title = "x"\nlaunch = ["{modle}"]', "launch", "{modle} is not known"),
        ('title = "x"\nlaunch = ["a {argv}"]', "launch", "it stands alone"),
        ('title = "x"\nlaunch = [["a", 1]]', "launch", "write texts that are not empty"),
        (MINIMAL + 'extends = "none"', "extends", "name one of: aider"),
        (MINIMAL + "[files]\n'../x' = ''", "files.../x", "name it with letters"),
        (MINIMAL + "[files]\ninbox = ''", "files.inbox", "name it with letters"),
        (MINIMAL + "[files]\nx = '{what}'", "files.x", "{what} is not known"),
        (MINIMAL + "[session]\nnew = ['{sesion}']", "session.new", "{sesion} is not known"),
        (MINIMAL + "[session]\nlost = ['(']", "session.lost", "is no regular expression"),
        (MINIMAL + "[approve]\nyolo = []", "approve.yolo", "there are: ask, plan, auto-edit, auto"),
        (MINIMAL + "[approve]\nauto = '-y'", "approve.auto", "write a list of texts"),
        (MINIMAL + "[login]\nfile = ['x']", "login.file", "did you mean files?"),
        (MINIMAL + "[ready]\nhow = 'composer'", "ready.how", "composer needs a table [composer]"),
        (MINIMAL + "[submit]\nseen = 'signal'", "submit.seen", "needs a kind in [signals] that means prompt"),
        (MINIMAL + "[submit]\nbusy = 'wait'", "submit.busy", "write one of: hold, queue"),
        (MINIMAL + "[composer]\nend = 'x'", "composer.prompt", "is missing"),
        (MINIMAL + "[composer]\nprompt = '(a+)+$'", "composer.prompt", "a repeat without end"),
        (MINIMAL + "[composer]\nprompt = 'x'\nemty = ['']", "composer.emty", "did you mean empty?"),
        (MINIMAL + "screens = 1", "screens", "write a list of tables"),
        (MINIMAL + "screens = [1]", "screens.1", "write a table"),
        (MINIMAL + "[[screens]]\nstate = 'idle'", "screens.1.name", "is missing"),
        (MINIMAL + RULE + "state = 'busy'", "screens.one.state", "write one of: idle, working, waiting, none"),
        (MINIMAL + RULE + "region = 'bottom'", "screens.one.region", "write one of: screen, bottom N"),
        (MINIMAL + RULE + "region = 'composer'", "screens.one.region", "needs a table [composer]"),
        (MINIMAL + RULE + "cursor = 'composer'", "screens.one.cursor", "needs a table [composer]"),
        (MINIMAL + RULE + "cursor = 'there'", "screens.one.cursor", "composer, elsewhere"),
        (MINIMAL + "[composer]\nprompt = 'x'\nfoot = '2'", "composer.foot", "write a whole number"),
        (MINIMAL + RULE + "kind = 'trust'", "screens.one.kind", "whose state is waiting"),
        (MINIMAL + RULE + "state = 'waiting'", "screens.one.kind", "whose state is waiting"),
        (MINIMAL + RULE + "any = ['[']", "screens.one.any", "is no regular expression: "),
        (MINIMAL + RULE + "title = 'x'", "screens.one.title", "needs a group"),
        (MINIMAL + RULE + "phase = 'thinking'", "screens.one.phase", "write one of: reasoning, executing"),
        (MINIMAL + RULE + "titel = 'x'", "screens.one.titel", "did you mean title?"),
        (MINIMAL + "[[screens]]\nname = 'one'", "screens.one.all", "is missing: a rule needs patterns"),
        (MINIMAL + RULE + RULE, "screens.one", "is there twice"),
        (MINIMAL + "[signals.Stop]\nmeans = 'over'", "signals.Stop.means", "write one of: session, prompt"),
        (MINIMAL + "[signals.Stop]\nmeans = 'idle'\nif = 'x'", "signals.Stop.if", "is not known"),
        (MINIMAL + "[signals.'a b']\nmeans = 'idle'", "signals.a b", "a kind is a word"),
        (MINIMAL + "[ends]\ncrash = ['x']", "ends.crash", "there are: quota, login, memory"),
        (MINIMAL + "[ends]\nquota = 'x'", "ends.quota", "write a list of texts"),
    ],
)
def test_a_mistake_is_said_by_file_and_key(tmp_path: Path, text: str, key: str, words: str) -> None:
    path = write(tmp_path, "mine", text)
    with pytest.raises(SpecError) as raised:
        Runners.load(tmp_path)
    assert f"{path}: {key}: " in raised.value.message
    assert words in raised.value.message
    assert raised.value.exit_code == 3


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", 'titel = "x"\nlaunch = []\n[ready]\nafter = 3\n')
    with pytest.raises(SpecError) as raised:
        load(path)
    keys = [line.removeprefix(f"{path}: ").split(":")[0] for line in raised.value.message.splitlines()]
    assert sorted(keys) == ["ready.after", "titel", "title"]


@pytest.mark.parametrize("name", ["Mine", "-x", "a b", "auto"])
def test_a_file_that_names_no_runner_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="a runner is named by its file"):
        load(write(tmp_path, name, MINIMAL))


@pytest.mark.parametrize("text", ["title =", "a = " + "[" * 40_000, "a = 1\na = 2", "#" * 70_000])
def test_what_is_no_toml_is_one_error_with_the_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "mine", text)
    with pytest.raises(SpecError) as raised:
        load(path)
    assert str(path) in raised.value.message


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").mkdir()
    (tmp_path / "other.toml").write_bytes(b"\xff")
    for name in ("mine", "other", "gone"):
        with pytest.raises(SpecError, match=name):
            load(tmp_path / f"{name}.toml")


_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.sampled_from(["''", "'1s'", "'4KiB'", "'{program}'", "'{x}'"])),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(map(_toml, items))}]"),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    ["title", "launch", "coding", "order", "programs", "env.A", "ready.how", "ready.after", "submit.keys", "leave", "x"]
)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_any_manifest_is_a_runner_or_one_clear_error(tmp_path: Path, entries: dict[str, object]) -> None:
    path = write(tmp_path, "mine", "".join(f"{key} = {_toml(value)}\n" for key, value in entries.items()))
    try:
        words = [word for group in load(path).launch_words for word in group]
    except SpecError as error:
        words, problems = [], error.message.splitlines()
    else:
        problems = []
    assert all(problem.startswith(f"{path}: ") for problem in problems)
    assert all(PLACEHOLDER.fullmatch(word) or "{" not in word for word in words)


def test_the_example_in_the_documentation_loads(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "howto" / "runners.md"
    blocks = [block.partition("```")[0] for block in page.read_text().split("```toml\n")[1:]]
    assert len(blocks) == 5
    for block in blocks:
        name = block.splitlines()[0].removeprefix("# ").rpartition("/")[2].removesuffix(".toml")
        write(tmp_path, name, block)
    runners = Runners.load(tmp_path)
    assert set(runners.names()) - set(SHIPPED.names()) == {"goose", "hooked", "paced", "counted"}
    assert runners.get("goose").coding
    assert runners.get("claude").launch_words != SHIPPED.get("claude").launch_words
