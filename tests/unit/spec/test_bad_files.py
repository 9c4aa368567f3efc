"""Every kind of bad YAML: a place, plain words, quickly and in little memory; never a crash."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = "version: 1\nname: shop\nagents:\n"
AGENT = HEAD + "  pm: {}\n"

Maker = Callable[[Path], None]


def text(content: str | bytes) -> Maker:
    def make(path: Path) -> None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 x"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


def merge_bomb(levels: int, width: int) -> str:
    lines = ["x-0: &m0 {k: v}"]
    lines += [
        f"x-{n}: &m{n} {{a: {{<<: *m{n - 1}}}, b: {{<<: *m{n - 1}}}, c: [{', '.join([f'*m{n - 1}'] * width)}]}}"
        for n in range(1, levels + 1)
    ]
    return "\n".join(lines)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have only about 100 characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def unreadable(path: Path) -> None:
    path.write_text(AGENT)
    path.chmod(0)


def nothing(_: Path) -> None:
    return


KINDS: dict[str, tuple[Maker, str, str]] = {
    "empty": (text(""), "1:1", "the file is empty"),
    "only comments": (text("# hello\n\n# there\n"), "1:1", "the file is empty"),
    "list at the root": (text("- a\n- b\n"), "1:1", "the file is a list"),
    "text at the root": (text("hello\n"), "1:1", "the file is one value"),
    "tab": (text(HEAD + "\tpm: {}\n"), "4:1", "cannot start a value"),
    "NUL": (text(b"version: 1\nname: sh\0op\n"), "2:9", "U+0000"),
    "control character": (text("version: 1\nname: sh\x1bop\n"), "2:9", "U+001B"),
    "escaped control character": (text('version: 1\nname: "sh\\u001bop"\nagents: {a: {}}\n'), "2:7", "U+001B"),
    "direction override": (text("version: 1\nname: shop \u202e#\n"), "2:12", "U+202E"),
    "UTF-16": (text("version: 1\n".encode("utf-16")), "1:1", "UTF-16"),
    "bad UTF-8": (text(b"version: 1\nname: caf\xe9\n"), "2:10", "0xe9 is not UTF-8"),
    "two documents": (text(AGENT + "---\nversion: 1\n"), "5:1", "second document"),
    "duplicate key": (text("version: 1\nname: a\nname: b\nagents: {a: {}}\n"), "3:1", "'name' is here twice"),
    "unknown key": (text(HEAD + "  pm:\n    promt: hi\n"), "5:5", "unknown key 'promt' in agents.pm"),
    "alias of itself": (text("a: &a [*a]\n"), "1:8", "inside of itself"),
    "unknown alias": (text("a: *b\n"), "1:4", "no anchor &b"),
    "too many aliases": (text("a: &a 1\nb: [" + "*a, " * 101 + "]\n"), "2:405", "more than 100 aliases"),
    "nine to the ninth": (text(bomb(9, 9)), "6:35", "more than 50,000 values"),
    "merge bomb": (text(merge_bomb(9, 6)), "6:19", "more than 50,000 values"),
    "deep through aliases": (
        text("\n".join(["a0: &a0 " + "[" * 40 + "]" * 40, "a1: [[[[[[[[[[[*a0]]]]]]]]]]]"])),
        "2:16",
        "more than 50 deep",
    ),
    "depth of 30,000 lists": (text("[" * 30_000), "1:51|1:1001", "nested more than 50 deep"),
    "depth of 30,000 maps": (text("{a: " * 30_000), "1:201|1:4001", "nested more than 50 deep"),
    "depth of 30,000 dashes": (text("- " * 30_000), "1:101", "nested more than 50 deep"),
    "one byte too many": (text("#" * (2**20 + 1)), "1:1", "larger than 1 MiB"),
    "a megabyte of values": (text("".join(f"a{n}: b\n" for n in range(100_000))), "", "more than 50,000 values"),
    "a megabyte of one line": (text('a: "' + "x" * (2**20 - 6) + '"'), "1:1", "unknown key 'a'"),
    "python tag": (
        text('version: !!python/object/apply:os.system ["touch x"]\n'),
        "1:10",
        "!!python/object/apply:os.system",
    ),
    "custom tag": (text(HEAD + "  pm: !agent {}\n"), "4:7", "the tag !agent"),
    "wrong type": (
        text("version: 1\nname: shop\nagents: [pm, dev]\n"),
        "3:1",
        "agents must be a map of keys, not a list",
    ),
    "true as a name": (text("version: 1\nname: true\nagents: {pm: {}}\n"), "2:7", "name must be text, not true"),
    "a number as a key": (text(HEAD + "  1: {}\n"), "4:3", "a key must be text, not 1"),
    "a map as a key": (text(HEAD + "  pm: {prompt: {{ x }}}\n"), "4:17", "a key must be text"),
    "sexagesimal": (text(HEAD + "  pm: {grace: 12:30:00}\n"), "4:15", "write a duration with a unit"),
    "negative": (text(HEAD + "  pm: {replicas: -1}\n"), "4:18", "agents.pm.replicas must be at least 1"),
    "negative duration": (text(HEAD + "  pm: {grace: -5s}\n"), "4:15", "write a duration with a unit"),
    "not a number": (text(HEAD + "  pm: {replicas: .nan}\n"), "4:18", ".nan is not a number that can be used"),
    "infinity": (text(HEAD + "  pm: {replicas: -.inf}\n"), "4:18", "-.inf is not a number that can be used"),
    "huge float": (text(HEAD + "  pm: {replicas: 1e999}\n"), "4:18", "too large"),
    "huge int": (text(HEAD + f"  pm: {{replicas: {'9' * 10_000}}}\n"), "4:18", "too large"),
    "octal of old": (text(HEAD + "  pm: {replicas: 017}\n"), "4:18", "without the leading zero"),
    "underscored number": (text(HEAD + "  pm: {replicas: 1_0}\n"), "4:18", "must be a whole number, not '1_0'"),
    "no unit": (text(HEAD + "  pm: {limits: {pulse: 2}}\n"), "4:24", "2: write it with its unit, for example 2s"),
    "open quote": (text(HEAD + '  pm: {prompt: "hello}\n'), "4:23", "the file ends inside quotes"),
    "open list": (text(HEAD + "  pm: {capabilities: [a, b\n"), "4:27", "this list is not closed"),
    "bad indentation": (text("version: 1\n name: x\n"), "2:6", "a ':' makes no sense here"),
    "missing file": (nothing, "1:1", "there is no such file"),
    "folder": (lambda path: path.mkdir(), "1:1", "this is a folder, not a file"),
    "FIFO": (fifo, "1:1", "this is a FIFO, not a file"),
    "socket": (a_socket, "1:1", "this is a socket, not a file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "1:1", "this is a device, not a file"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), "1:1", "this is a device, not a file"),
    "symlink loop": (loop, "1:1", "cannot be opened"),
    "dangling symlink": (lambda path: path.symlink_to("nowhere"), "1:1", "there is no such file"),
    "endless file of /proc": (lambda path: path.symlink_to("/proc/self/pagemap"), "", ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_bad_yaml_is_refused_with_its_place_in_plain_words_and_at_once(kind, desk):
    make, place, words = KINDS[kind]
    make(desk.folder / "team.yaml")
    before = time.process_time()
    team, problems = desk.check()
    took = time.process_time() - before
    assert team is None
    found = [(f"{problem.line}:{problem.column}", problem.message) for problem in problems]
    assert problems, "nothing was said"
    assert all(problem.file.endswith("team.yaml") and problem.line >= 1 and problem.column >= 1 for problem in problems)
    if words:
        assert any((not place or at in place.split("|")) and words in message for at, message in found), found
    assert took < 1.0
    assert all("Traceback" not in problem.render() and len(problem.render()) < 2000 for problem in problems)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(desk):
    unreadable(desk.folder / "team.yaml")
    assert "may not be read" in desk.check()[1][0].message


@pytest.mark.parametrize(
    "content", [AGENT.encode("utf-8-sig"), AGENT.replace("\n", "\r\n").encode()], ids=["BOM", "CRLF"]
)
def test_a_byte_order_mark_and_windows_newlines_are_fine(desk, content):
    team, problems = desk.check(content)
    assert not problems
    assert team is not None


def test_windows_newlines_do_not_move_places(desk):
    _, problems = desk.check(("\ufeff" + HEAD + "  pm: {promt: x}\n").replace("\n", "\r\n").encode())
    assert (problems[0].line, problems[0].column) == (4, 8)


def test_words_that_were_booleans_once_are_text(desk):
    team = desk.team("agents:\n  no: {}\n  on: {depends_on: [no]}\n  y: {env: {A: off, B: 12:30:00, C: 1_000}}\n")
    assert [agent.name for agent in team.agents] == ["no", "on", "y"]
    assert team.agents[2].env == {"A": "off", "B": "12:30:00", "C": "1_000"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the peak of the program alone")
def test_bombs_stay_small_in_memory(tmp_path):
    bombs = {kind: make for kind, (make, _, _) in KINDS.items() if "bomb" in kind or "ninth" in kind}
    for number, make in enumerate([*bombs.values(), text("${A}" * 260_000), text("[" * 2**20), text("&a " * 300_000)]):
        make(tmp_path / f"{number}.yaml")
    code = (
        "import sys; from pathlib import Path; from agentctl.spec.load import check_team\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.yaml')):\n"
        "    assert check_team(path, variables={'A': 'x' * 130_000}, runners={})[1], path\n"
        "print([int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 200 * 2**20
