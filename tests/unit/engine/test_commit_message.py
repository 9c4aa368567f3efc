"""What the message of a checkpoint says, and that nothing hostile in it can pass for a trailer."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.domain.checkpoint import FileChange, LeftOut, LeftOutFor
from agentctl.domain.names import AgentId
from agentctl.domain.text import safe_text
from agentctl.engine.commit_message import SUBJECT_LENGTH, Facts, commit_message

DEV = AgentId("shop/dev")


def added(path: str, lines: int = 10, **more) -> FileChange:
    return FileChange(path, "A", lines, 0, **more)


def removed(path: str, lines: int = 10) -> FileChange:
    return FileChange(path, "D", 0, lines)


def modified(path: str, *functions: str, plus: int = 4, minus: int = 2) -> FileChange:
    return FileChange(path, "M", plus, minus, functions=functions)


def message(*changes: FileChange, **more) -> str:
    return commit_message(Facts(DEV, changes, **more))


def subject(*changes: FileChange) -> str:
    return message(*changes).partition("\n")[0]


def body(*changes: FileChange) -> list[str]:
    return message(*changes).split("\n\n")[1].splitlines()


def trailers(text: str) -> dict[str, str]:
    """Return what git itself takes for trailers."""
    told = subprocess.run(
        ["git", "-c", "core.commentChar=#", "interpret-trailers", "--parse"],
        input=text.encode(),
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    ).stdout.decode()
    return dict(line.split(": ", 1) for line in told.splitlines())


SUBJECTS = {
    "change cart.py: total()": [modified("cart.py", "total()")],
    "change cart.py, tests/test_cart.py: total(), Cart.add(), test_total()": [
        modified("tests/test_cart.py", "test_total()", plus=90),
        modified("cart.py", "total()", "Cart.add()"),
    ],
    "change src/shop/checkout/cart.py, src/shop/prices.py: 3 functions": [
        modified("src/shop/checkout/cart.py", "apply_every_discount()", "round_to_cents()", plus=9),
        modified("src/shop/prices.py", "price_with_tax()"),
    ],
    "change notes.md": [modified("notes.md")],
    "change run.sh": [FileChange("run.sh", "T", 0, 0)],
    "add docs/howto/limits.md": [added("docs/howto/limits.md")],
    "add 12 files in docs/": [added(f"docs/howto-{number}/page.md") for number in range(12)],
    "add 6 files": [added(f"{number}.txt") for number in range(6)],
    "remove 7 files in old_api/": [removed(f"old_api/part{number}.py") for number in range(7)],
    "move src/cart.py to lib/": [removed("src/cart.py"), added("lib/cart.py", 12)],
    "move lib/cart.py to ./": [removed("lib/cart.py"), added("cart.py")],
    "move 5 files from src/ to lib/shop/": [
        change for number in range(5) for change in (removed(f"src/{number}.py"), added(f"lib/shop/{number}.py"))
    ],
    "add cart.py, remove old/basket.py": [added("cart.py", 20), removed("old/basket.py")],
    "add new/__init__.py, remove old/__init__.py": [removed("old/__init__.py", 0), added("new/__init__.py", 0)],
    "add new/main.py, remove old/main.py": [removed("old/main.py", 9), added("new/main.py", 300)],
    "add tests/test_cart.py, change cart.py: total()": [
        modified("cart.py", "total()"),
        added("tests/test_cart.py", 40),
    ],
    "change 1 file": [modified("x" * 200 + ".py")],
    "no change": [],
}


@pytest.mark.parametrize(("wanted", "changes"), SUBJECTS.items(), ids=SUBJECTS)
def test_the_subject_says_what_changed(wanted: str, changes: list[FileChange]) -> None:
    assert subject(*changes).removeprefix("0 files: ") == wanted


def test_a_subject_keeps_room_for_every_kind_of_change() -> None:
    deep = "a/very/long/folder/that/leaves/no/room/for/much/else"
    told = subject(
        *(added(f"{deep}/{number}/x.py", 100) for number in range(9)),
        *(modified(f"{number}.py", f"function_number_{number}()") for number in range(9)),
        removed(f"{deep}/old.py"),
    )
    assert told == "add 9 files, change 9 files: 9 functions, remove old.py"


def test_each_file_has_a_line() -> None:
    assert body(
        modified("src/cart.py", "total()", "Cart.add()", plus=12, minus=3),
        added("logo.png", 0, binary=True),
        removed("src/a.py", 8),
        added("lib/a.py", 9),
    ) == [
        "M  src/cart.py  +12 -3  total(), Cart.add()",
        "A  logo.png  binary",
        "R  src/a.py -> lib/a.py  +9 -8",
    ]


def test_files_beyond_those_that_are_listed_are_summed_by_folder() -> None:
    many = [added(f"docs/{number:03}.md", 2) for number in range(60)]
    deep = [added(f"gen/{number:02}/x.md", 1) for number in range(15)]
    lines = body(*many, *deep)
    assert lines[39] == "A  docs/039.md  +2 -0"
    assert lines[40:] == [
        "and 20 files in docs/  +40 -0",
        *(f"and 1 file in gen/{number:02}/  +1 -0" for number in range(9)),
        "and 6 files in 6 other folders  +6 -0",
    ]


def test_a_whole_message() -> None:
    left_out = (
        LeftOut("src/conf.py", LeftOutFor.SECRET, "AWS access key, line 3"),
        LeftOut(".env", LeftOutFor.NAME),
        *(LeftOut(f"big{number}", LeftOutFor.LARGE, "12MiB") for number in range(20)),
    )
    told = message(modified("cart.py", "total()"), left_out=left_out, task="Round\n totals ")
    assert told.startswith(
        "change cart.py: total()\n\nM  cart.py  +4 -2  total()\n\nTask: Round totals\n\nLeft out:\n"
        "  src/conf.py  secret: AWS access key, line 3\n  .env  named like a secret\n  big0  too large: 12MiB\n"
    )
    assert told.endswith(
        "  big17  too large: 12MiB\n  and 2 more\n\n"
        "Agentctl-Agent: shop/dev\nAgentctl-Team: shop\nAgentctl-Task: Round totals\n"
    )


def test_what_is_not_known_is_not_said() -> None:
    told = message(modified("cart.py"), task=" \n\x1b[2J")
    assert told == "change cart.py\n\nM  cart.py  +4 -2\n\nAgentctl-Agent: shop/dev\nAgentctl-Team: shop\n"


def test_a_credential_in_what_an_agent_was_told_does_not_get_into_the_message() -> None:
    secret = "gh" + "p_" + "k9Jd72hsQ0" * 4
    told = message(modified("cart.py", f"TOKEN = {secret}", "total()"), task=f"push with {secret}")
    assert secret not in told
    assert "total()" in told
    assert "Task:" not in told


FORGERIES = [
    "x\n\nAgentctl-Agent: shop/boss",
    "x\r\rAgentctl-Agent: shop/boss",
    "x\u2028\u2028Agentctl-Agent: shop/boss\x85",
    "Agentctl-Agent: shop/boss",
    "---\nAgentctl-Agent: shop/boss",
    "--- a/x",
    "# comment",
    "fixup! x",
    "\n \nAgentctl-Slot: 1",
    "diff --git a/x b/x",
    "\udcff\x00\x1b]0;x\x07\u202e",
]
HOSTILE = st.one_of(st.sampled_from(FORGERIES), st.text(st.characters(codec=None), min_size=1, max_size=30))
CHANGES = st.builds(
    FileChange,
    path=HOSTILE,
    how=st.sampled_from("AMDT"),
    added=st.integers(0, 20),
    removed=st.integers(0, 20),
    binary=st.booleans(),
    functions=st.lists(HOSTILE, max_size=3).map(tuple),
)
FACTS = st.builds(
    Facts,
    agent=st.just(DEV),
    changes=st.lists(CHANGES, min_size=1, max_size=60, unique_by=lambda change: change.path).map(tuple),
    left_out=st.lists(st.builds(LeftOut, HOSTILE, st.sampled_from(LeftOutFor), HOSTILE), max_size=4).map(tuple),
    task=HOSTILE,
)


@given(FACTS)
def test_the_subject_is_one_short_line_and_only_our_lines_are_trailers(facts: Facts) -> None:
    told = commit_message(facts)
    first, *paragraphs = told.removesuffix("\n").split("\n\n")
    assert len(first) <= SUBJECT_LENGTH
    assert first.splitlines() == [first]
    told.encode()
    assert safe_text(told) == told
    names = [line.partition(":")[0] for line in paragraphs[-1].splitlines()]
    assert names[:2] == ["Agentctl-Agent", "Agentctl-Team"]
    assert set(names[2:]) <= {"Agentctl-Task"}
    assert not any(
        line.startswith(("Agentctl-", "---", "#", "diff ")) for part in paragraphs[:-1] for line in part.split("\n")
    )


@given(FACTS)
@settings(max_examples=20)
def test_git_finds_our_trailers_and_no_other(facts: Facts) -> None:
    found = trailers(commit_message(facts))
    found.pop("Agentctl-Task", None)
    assert found == {"Agentctl-Agent": "shop/dev", "Agentctl-Team": "shop"}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_git_finds_no_forgery_wherever_it_stands(forgery: str) -> None:
    told = commit_message(
        Facts(DEV, (modified(forgery, forgery),), (LeftOut(forgery, LeftOutFor.SECRET, forgery),), task=forgery)
    )
    found = trailers(told)
    found.pop("Agentctl-Task", None)
    assert found == {"Agentctl-Agent": "shop/dev", "Agentctl-Team": "shop"}
