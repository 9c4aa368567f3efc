"""Books of one agent: its records are found, those of sub-agents too, and nothing but them is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentctl.runners.registry import Runners
from agentctl.runners.usage.prices import Prices
from agentctl.runners.usage.rules import LineRule, Records
from agentctl.supervisor.bookkeeping import Bookkeeping

RULE = LineRule(id="id", model="model", input=("in",))
RECORDS = Records(("~/.program/*/{session}.jsonl",), "path", ("{session}/agents/*.jsonl",), (RULE,))


def write(path: Path, *tokens: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps({"id": f"{path.name}-{n}-{one}", "in": one}) + "\n" for n, one in enumerate(tokens))
    return path


@pytest.fixture
def books(tmp_path: Path) -> Bookkeeping:
    return Bookkeeping(RECORDS, Prices.load(), folder=tmp_path / "run", home=tmp_path)


def tokens(books: Bookkeeping, conversation: str = "c1") -> int:
    while books.read(conversation):
        pass
    return books.own(conversation).tokens


def test_a_record_is_found_where_the_program_keeps_it(tmp_path: Path, books: Bookkeeping) -> None:
    assert tokens(books) == 0
    path = write(tmp_path / ".program/shop/c1.jsonl", 10, 20)
    write(tmp_path / ".program/shop/c2.jsonl", 500)
    assert tokens(books) == 30
    write(path, 7)
    assert tokens(books) == 37


def test_what_sub_agents_take_is_the_conversations(tmp_path: Path, books: Bookkeeping) -> None:
    write(tmp_path / ".program/shop/c1.jsonl", 10)
    assert tokens(books) == 10
    write(tmp_path / ".program/shop/c1/agents/a.jsonl", 100)
    write(tmp_path / ".program/shop/c1/agents/b.jsonl", 1000)
    assert tokens(books) == 1110


def test_a_program_may_say_that_it_is_elsewhere(tmp_path: Path, books: Bookkeeping) -> None:
    books.told("c1", str(write(tmp_path / "elsewhere/c1.jsonl", 10)))
    assert tokens(books) == 10


def test_what_is_not_called_like_a_record_is_not_read(tmp_path: Path, books: Bookkeeping) -> None:
    for name in ("c2.jsonl", "passwd", "c1.jsonl.bak"):
        books.told("c1", str(write(tmp_path / "elsewhere" / name, 10)))
    books.told("c1", "elsewhere/c1.jsonl")
    books.told("c1", "/" + "x" * 5000 + "/c1.jsonl")
    books.told("", "/c1.jsonl")
    assert tokens(books) == 0


def test_a_link_in_the_place_of_a_record_is_not_followed(tmp_path: Path, books: Bookkeeping) -> None:
    real = write(tmp_path / "other", 10)
    (tmp_path / ".program/shop").mkdir(parents=True)
    (tmp_path / ".program/shop/c1.jsonl").symlink_to(real)
    assert tokens(books) == 0


def test_read_again_from_the_start_it_adds_up_to_the_same(tmp_path: Path, books: Bookkeeping) -> None:
    write(tmp_path / ".program/shop/c1.jsonl", *range(1, 50))
    first = tokens(books)
    assert tokens(Bookkeeping(RECORDS, Prices.load(), folder=tmp_path / "run", home=tmp_path)) == first


@pytest.mark.parametrize(
    ("program", "place"),
    [
        ("claude", ".claude/projects/-w/0123456789.jsonl"),
        ("codex", ".codex/sessions/2026/11/29/rollout-2026-11-29T09-12-15-0123456789.jsonl"),
        ("qwen", ".qwen/projects/-w/chats/0123456789.jsonl"),
        ("gemini", ".gemini/tmp/w/chats/session-2026-11-29T09-10-01234567.jsonl"),
        ("pi", ".pi/agent/sessions/--w--/2026-11-29T09-09-15-748Z_0123456789.jsonl"),
        ("opencode", "run/usage-0123456789.jsonl"),
        ("aider", "run/0123456789.md"),
    ],
)
def test_each_program_s_place_is_known(tmp_path: Path, program: str, place: str) -> None:
    usage = Runners.load().get(program).usage
    assert usage is not None
    suffix = "txt" if program == "aider" else "jsonl"
    (source,) = (Path(__file__).parents[2] / "records" / program).glob(f"*/turns.{suffix}")
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(source.read_bytes())
    books = Bookkeeping(usage, Prices.load(), folder=tmp_path / "run", home=tmp_path)
    assert tokens(books, "0123456789") > 3000
