"""Two hundred texts that want to be commands, paths, formats or options: none is obeyed, the lawful arrive exactly."""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stage import PROGRAMS, Stage, controls, note, until

FULL = os.environ.get("AGENTCTL_CAMPAIGN") == "full"

_COMMANDS = (
    "#(touch {m})", "#{{l:#(touch {m})}}", "#{{E:#(touch {m})}}", "$(touch {m})", "`touch {m}`", "; touch {m}",
    "a; touch {m} #", "&& touch {m}", "|| touch {m}", "| touch {m}", "& touch {m} &", "'; touch {m}; '",
    '"; touch {m}; "', '"$(touch {m})"', "' ; run-shell 'touch {m}' ; '", "}} ; run-shell 'touch {m}'",
    "\\; run-shell 'touch {m}'", "\n touch {m}\n", "\n;run-shell 'touch {m}'\n", "> {m}", ">{m}", "<(touch {m})",
    "a$(touch {m})b", "x`touch {m}`", "-c 'touch {m}'", "--command=touch {m}", "!touch {m}", "%(touch {m})",
    "~/$(touch {m})", "#(#(touch {m}))", "##(touch {m})", "#[fg=red]#(touch {m})", "#{{?1,#(touch {m}),}}",
)  # fmt: skip
_SHAPES = (
    "../up", "../../../../etc/passwd", "/etc/passwd", "/", ".", "..", "...", "~", "~root", "-", "--", "-x",
    "-rf", "--yes", "--help", "=x", "=Task-web", ":", "x:y", "x.y", "@0", "%0", "%1", "$0", "$1", "{last}",
    "!", "+", "^", "*", "?", "[x]", "a b", " a", "a ", "a\nb", "a\tb", "A", "ABC", "1a", "1", "0", "_x",
    "é", "日本", "ﬁ", "\u0430", "İ", "ß", "👩‍💻", "%s%s%n", "%(name)s", "{0}", "{agent}", "\\", "a\\b",
    "\\n", "'", '"', "''", "a'b", 'a"b', "`", "<script>", "&lt;", "[bold]x[/bold]", "[/x]", "a/b",
    "web/one", "a,b", "a;b", "a&b", "a|b", "a=b", "a#b", "#", "##", "#{pane_id}", "#{session_name}", "#S",
    "%%", "#h", "x" * 32, "x" * 10_240, "a" + "é" * 200, "con", "nul",
)  # fmt: skip
_LAWFUL = frozenset({"con", "nul"})
_DECEPTIVE = (
    "a\x1b[2Jb",
    "a\x07",
    "\x9b31m",
    "\u202egnp",
    "\u2066x\u2069",
    "a\u200bb",
    "\ufeffx",
    "a\x7f",
    "\u2028",
    "a\x00b",
    "a\rb",
    "",
)


@pytest.fixture
def marker(stage: Stage) -> Iterator[Path]:
    """Return a file that nothing may make."""
    marker = stage.folder / "m"
    yield marker
    assert not marker.exists()
    assert not (stage.work / "m").exists()


def hostile(marker: Path) -> list[str]:
    return [command.format(m=marker) for command in _COMMANDS] + [text for text in _SHAPES if text not in _LAWFUL]


def names(marker: Path) -> list[str]:
    return [*hostile(marker), *_DECEPTIVE]


def test_there_are_two_hundred() -> None:
    assert 3 * (len(_COMMANDS) + len(_SHAPES) + len(_DECEPTIVE)) >= 200
    assert len(_COMMANDS) + len(_SHAPES) + len(_DECEPTIVE) >= 120


@pytest.mark.parametrize("place", ["team", "agent", "role", "window", "depends_on"])
def test_hostile_names_are_all_refused_at_their_place_and_nothing_starts(
    stage: Stage, marker: Path, place: str
) -> None:
    files = [stage.work / f"f{number}.yaml" for number in range(len(names(marker)))]
    for file, name in zip(files, names(marker), strict=True):
        one: dict[str, object] = {"runner": "shell"}
        document: dict[str, object] = {"version": 1, "name": "web", "agents": {"one": one}}
        match place:
            case "team":
                document["name"] = name
            case "agent":
                document["agents"] = {name: one}
            case "role":
                document["roles"] = {name: {}}
            case "window":
                one["window"] = name
            case "depends_on":
                one["depends_on"] = [name]
        file.write_text(json.dumps(document, indent=1))
    refused = set()
    for files_at_once in (files[:60], files[60:], files[::2]):  # the problems that are shown at once are a hundred
        done = stage.run("deploy", *map(str, files_at_once), "--yes", code=3)
        refused |= set(re.findall(r"(f\d+\.yaml):\d+:\d+", done.err))
        assert controls(done.said) == []
        assert len(done.err) < 100_000
    lawful = {"A", "ABC", "x" * 32} if place == "window" else set()
    left = {name for file, name in zip(files, names(marker), strict=True) if file.name not in refused}
    assert left == lawful
    assert not stage.home.path.exists(), "nothing was started"


def test_hostile_names_on_the_command_line_find_nothing_and_do_nothing(stage: Stage, marker: Path) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    texts = [text for text in hostile(marker) if text not in ("*", "?", "web/one", "[x]") and "\0" not in text]
    words = ("peek", "attach", "stop", "deploy", "send", "reset")
    seed = random.randrange(10**6)
    note(f"seed {seed}")
    some = texts if FULL else random.Random(seed).sample(texts, 24)
    for number, text in enumerate(some):
        word = words[number % len(words)]
        more = {"send": ["hi"], "reset": ["--confirm", text], "deploy": ["--yes"]}.get(word, [])
        done = stage.run(
            word, *(more if word != "send" else []), "--", text, *(more if word == "send" else []), code=None
        )
        assert done.code in (2, 3, 4), done
    assert stage.running() == {"web/one": 1}


@pytest.mark.timeout(300)
def test_hostile_folders_values_and_arguments_arrive_exactly(crowd: None, stage: Stage, marker: Path) -> None:
    texts = [text for text in hostile(marker) if len(text) < 200 and "\n" not in text]
    folders = [text.replace("/", "|") for text in texts if text not in (".", "..", "/")]
    told = stage.folder / "told"
    told.mkdir()
    agents: dict[str, object] = {}
    for number, folder in enumerate(folders):
        path = stage.work / folder
        path.mkdir(exist_ok=True)
        file = told / str(number)
        tell = stage.program("tell.py", file, *(quoted(text) for text in (folder, texts[number])))
        root = quoted("./" + folder)
        agents[f"a{number}"] = tell | {"workspace": {"root": root}, "env": {"HOSTILE": quoted(texts[number])}}
    for name, chunk in (("web", slice(0, 12)), ("more", slice(12, 24)), ("last", slice(24, 40))):
        stage.deploy(stage.team(name, agents=dict(list(agents.items())[chunk])), cwd=stage.work)
    for number, folder in list(enumerate(folders))[:40]:
        saw = json.loads((told / str(number)).read_text())
        assert saw["argv"] == [folder, texts[number]]
        assert saw["cwd"] == os.path.realpath(stage.work / folder)
        assert saw["env"]["HOSTILE"] == texts[number]
    stage.run("ps", "-o", "wide")
    stage.run("restart", "last")
    stage.run("stop-all", "-y")


FOLDERS = ["#(touch m)", "a b;touch m", "%1 #{pane_id}", "'\"`$(touch m)`"]


def test_the_command_may_be_called_and_kept_in_a_hostile_folder(stage: Stage, marker: Path) -> None:
    for number, name in enumerate(FOLDERS):
        folder = stage.work / name
        folder.mkdir()
        file = stage.folder / f"told{number}"
        path = stage.team(f"t{number}", agents={"one": stage.program("tell.py", file, workspace={"root": "caller"})})
        path.rename(folder / "web.yaml")
        kept = Stage(folder)
        try:
            for words in (["deploy", "web.yaml", "--yes"], ["ps"], ["emergency-cleanup", "--dry-run"]):
                kept.run(*words, cwd=folder)
            assert json.loads(file.read_text())["cwd"] == os.path.realpath(folder)
            if number == len(FOLDERS) - 1:
                kept.run("doctor", cwd=folder)  # it tries all that the machine can do, which takes seconds
            assert controls(kept.run("stop-all", "-y", cwd=folder).said) == []
        finally:
            assert kept.close() == []
        assert not list(folder.rglob("m"))
    assert not stage.running()


def test_hostile_messages_arrive_exactly_and_once(stage: Stage, marker: Path) -> None:
    got = stage.folder / "got"
    got.touch()
    runners = stage.folder / "config" / "agentctl" / "runners"
    runners.mkdir(parents=True)
    (runners / "composer.toml").write_text(
        'title = "Composer"\nprograms = ["composer"]\nlaunch = ["{program}"]\n'
        '[ready]\nhow = "screen"\nafter = "250ms"\n[submit]\ndelay = "20ms"\n'
    )
    program = stage.folder / "bin" / "composer"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{PROGRAMS / "composer.py"}"\n')
    program.chmod(0o755)
    env = stage.env(PATH=f"{program.parent}:{os.environ['PATH']}")
    composer = {"runner": "composer", "env": {"COMPOSER_FILE": str(got), "COMPOSER_STARTS": str(stage.starts_file)}}
    stage.deploy(stage.team(agents={"one": composer}), env=env)
    texts = [
        *[text for text in hostile(marker) if text.strip()][::2],
        "two\nlines\n\nand\ttabs",
        "\x1b[201~\rtouch m\r",
        "x" * 10_240,
    ]
    for text in texts:
        stage.run("send", "web/one", "-", data=text.encode())

    def received() -> list[str]:
        return [_by_file(_body(json.loads(line).replace("\r", "\n"))) for line in got.read_text().splitlines()]

    until(lambda: len(received()) >= len(texts), "all have arrived")
    plain = [text.replace("\x1b", "").replace("\r", "") for text in texts]
    assert received() == plain


def _body(text: str) -> str:
    """Return what stands between a message's header and its end mark."""
    framed = re.fullmatch(r"\[agentctl [0-9a-f]{4} ([0-9a-f]{8}) from person\][ \n](.*)[ \n]\[/\1\]", text, re.DOTALL)
    assert framed, text
    return framed[2]


def _by_file(text: str) -> str:
    """Return what was meant: a text too long to be typed comes in a file."""
    named = re.fullmatch(r"Read (/.+) and follow it\.", text)
    return Path(named[1]).read_text() if named else text


def quoted(text: str) -> str:
    """Return *text* so that neither `${…}` nor a template is seen in it."""
    return text.replace("$", "$$")
