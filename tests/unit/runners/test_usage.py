"""What records say was taken: the real ones of each program, and whatever else may stand in such a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.errors import SpecError
from agentctl.runners.manifest import load
from agentctl.runners.registry import Runners
from agentctl.runners.usage.prices import Prices
from agentctl.runners.usage.rules import LineRule, Records, filled
from agentctl.runners.usage.tally import Tally

RECORDS = Path(__file__).parents[2] / "records"
"""As the real programs wrote them, asked of a scripted model that told these figures; long texts are cut."""

RUNNERS = Runners.load()
PRICES = Prices.load()
RULE = LineRule(id="id", model="model", input=("in",), output=("out",), cache_read=("read",), cost="usd")


def counted(program: str, *files: str) -> Any:
    """Count files of one conversation, in that order."""
    usage = RUNNERS.get(program).usage
    assert usage is not None
    tally = Tally(usage.lines, PRICES)
    for file in files:
        for place, line in enumerate((RECORDS / program / file).read_bytes().splitlines()):
            tally.take("c", file, place, line)
    return tally.own("c")


def tally_of(*lines: dict[str, Any], rule: LineRule = RULE) -> Tally:
    tally = Tally([rule], PRICES)
    for place, line in enumerate(lines):
        tally.take("c", "f", place, json.dumps(line).encode())
    return tally


# --- real records ---


@pytest.mark.parametrize(
    ("program", "file", "tokens", "cached"),
    [
        ("claude", "2.1.329/turns.jsonl", 3 * (11 + 200 + 3000 + 1) + 1, 9000),
        ("codex", "0.169.0/turns.jsonl", 3 * 1050, 1800),
        ("codex", "0.169.0/resumed.jsonl", 2 * 1050, 1200),
        ("qwen", "0.24.4/turns.jsonl", 4 * 1050, 2400),  # three of the turns, and one of its own
        ("gemini", "0.61.0/turns.jsonl", 3 * 1070, 1800),
        ("opencode", "1.18.33/turns.jsonl", 3 * 1050, 1800),
        ("pi", "0.87.1/turns.jsonl", 3 * (11 + 200 + 3000 + 1) + 1, 9000),
        ("aider", "0.86.2/turns.txt", 2100 + 300 + 12_000 + 1_500, 0),
    ],
)
def test_a_real_record_adds_up_to_what_the_model_told(program: str, file: str, tokens: int, cached: int) -> None:
    spent = counted(program, file)
    assert (spent.tokens, spent.cached) == (tokens, cached)


def test_the_money_of_claude_is_what_it_says_itself() -> None:
    """`claude -p` told a `costUSD` of 0.01415 for this conversation, in which a sub-agent made one of five calls."""
    of_sub_agent = "2.1.329/first/subagents/agent-a0c2b1c785988d94d.jsonl"
    spent = counted("claude", "2.1.329/first.jsonl", of_sub_agent)
    assert spent.usd == pytest.approx(0.01415)
    assert spent.estimated


def test_a_branch_counts_only_what_came_after_it() -> None:
    usage = RUNNERS.get("claude").usage
    assert usage is not None
    tally = Tally(usage.lines, PRICES)
    for conversation in ("first", "branch"):
        path = RECORDS / f"claude/2.1.329/{conversation}.jsonl"
        for place, line in enumerate(path.read_bytes().splitlines()):
            tally.take(conversation, str(path), place, line)
    assert (tally.own("first").tokens, tally.own("branch").tokens) == (4 * 3212, 3212)


def test_aider_tells_its_money_and_a_model_without_a_price_is_named() -> None:
    spent = counted("aider", "0.86.2/turns.txt")
    assert spent.usd == pytest.approx(0.02)
    assert spent.unpriced == "openai/scripted-main"


def test_no_price_is_made_up() -> None:
    for program, file in (("codex", "0.169.0/turns.jsonl"), ("pi", "0.87.1/turns.jsonl")):
        spent = counted(program, file)
        assert (spent.usd, spent.unpriced) == (0.0, "scripted-main")


# --- counting ---

calls = st.lists(
    st.fixed_dictionaries(
        {
            "conversation": st.sampled_from("ab"),
            "id": st.integers(0, 30).map(str),
            "in": st.integers(0, 10**6),
            "out": st.integers(0, 10**5),
        }
    ),
    max_size=40,
)


@given(calls, st.data())
def test_doubled_and_interleaved_lines_add_up_to_each_call_once(found: list[dict[str, Any]], data: Any) -> None:
    """Whatever is written twice, by streaming or by a second reading, and whichever file comes first."""
    once = {}
    for call in found:  # an id is of one call, and of one conversation
        once.setdefault(call["id"], call)
    lines = data.draw(st.permutations([*once.values(), *once.values()]))
    tally = Tally([RULE], PRICES)
    for place, line in enumerate(lines):
        text = json.dumps({key: line[key] for key in ("id", "in", "out")}).encode()
        tally.take(line["conversation"], line["conversation"], place, text)
    for conversation in "ab":
        mine = [call for call in once.values() if call["conversation"] == conversation]
        assert tally.own(conversation).tokens == sum(call["in"] + call["out"] for call in mine)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_a_call_that_streams_counts_as_it_ended(outs: list[int]) -> None:
    outs = sorted(outs)
    tally = tally_of(*({"id": "x", "model": "gpt-5", "in": 100, "out": out} for out in outs))
    assert tally.own("c").tokens == 100 + outs[-1]
    assert tally.own("c").usd == pytest.approx(100 * 1.25e-6 + outs[-1] * 10e-6, abs=1e-6)


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_counts_of_all_calls_may_be_written_again(steps: list[int]) -> None:
    rule = LineRule(input=("in",), cache_read=("read",), counts="all", cached_within=True)
    so_far, lines = 0, []
    for step in steps:
        so_far += step
        lines += [{"in": so_far, "read": so_far // 2}] * 2
    spent = tally_of(*lines, rule=rule).own("c")
    assert (spent.tokens, spent.cached) == (so_far, so_far // 2)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=10), st.integers(0, 200))
def test_a_line_that_is_cut_counts_nothing(tokens: list[int], cut: int) -> None:
    text = "".join(json.dumps({"id": str(n), "in": t}) + "\n" for n, t in enumerate(tokens)).encode()
    whole = text[: max(0, len(text) - cut)]
    tally = Tally([RULE], PRICES)
    for place, line in enumerate(whole.split(b"\n")):
        tally.take("c", "f", place, line)
    kept = whole.count(b"}")
    assert tally.own("c").tokens == sum(tokens[:kept])


@given(st.binary(max_size=300))
def test_whatever_stands_in_a_file_raises_nothing(data: bytes) -> None:
    for name in RUNNERS.names():
        usage = RUNNERS.get(name).usage
        if usage is not None:
            Tally(usage.lines, PRICES).take("c", "f", 0, data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "in", "out", "read", "usd", "model", "type"]), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(_json)
def test_whatever_type_a_figure_has_it_is_none_below_zero_or_endless(data: Any) -> None:
    spent = tally_of(data).own("c")
    assert 0 <= spent.tokens <= 4e12
    assert 0 <= spent.usd < 1e13


@pytest.mark.parametrize("figure", [-1, 1e999, float("nan"), True, "12", None, [], 1e13, 10**30])
def test_what_is_no_figure_is_nothing(figure: Any) -> None:
    assert tally_of({"id": "x", "in": figure}).own("c").tokens == 0


def test_a_deep_line_is_no_line() -> None:
    tally = Tally([RULE], PRICES)
    tally.take("c", "f", 0, b'{"in":' + b"[" * 200_000)
    assert tally.own("c").tokens == 0


def test_the_name_of_a_model_is_cleaned() -> None:
    assert tally_of({"id": "x", "in": 1, "model": "\x1b[31mred\n" + "x" * 500}).own("c").unpriced.startswith("red xxx")
    assert len(tally_of({"id": "x", "in": 1, "model": "x" * 500}).own("c").unpriced) == 80


def test_a_streaming_call_may_come_back_after_many_others_and_is_over_then() -> None:
    lines = [{"id": str(number), "in": 1} for number in range(1000)]
    assert tally_of(*lines, *lines).own("c").tokens == 1000


# --- prices ---


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4-5",
        "claude-opus-4-5-20251101",
        "Claude-Opus-4-5",
        "anthropic/claude-opus-4-5",
        "claude-opus-4-5[1m]",
    ],
)
def test_a_model_is_found_by_the_names_that_programs_give_it(name: str) -> None:
    price = PRICES.find(name)
    assert price is not None
    assert (price.input, price.output) == (5, 25)


@pytest.mark.parametrize("name", ["", "gpt-5-turbo-nobody-knows", "claude", "20251101", "-latest"])
def test_a_model_that_is_not_there_has_no_price(name: str) -> None:
    assert PRICES.find(name) is None


def test_the_shipped_prices_have_a_date() -> None:
    assert PRICES.date
    assert len(PRICES.models) > 50


def test_a_users_prices_go_over_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(
        '[models]\n"gpt-5" = { input = 1, output = 2 }\n"my-own" = { input = 0, output = 0 }\n'
    )
    prices = Prices.load(tmp_path)
    found = prices.find("gpt-5")
    assert found is not None
    assert (found.input, found.cache_read) == (1, 1)
    assert prices.find("my-own") is not None
    assert prices.find("claude-opus-4-5") is not None


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "models = 3",
        '[models]\n"x" = 1',
        '[models]\n"x" = { input = -1, output = 1 }',
        '[models]\n"x" = { input = 1 }',
        '[models]\n"x" = { input = 1, output = true }',
        '[models]\n"x" = { input = 1, output = 1, more = 1 }',
    ],
)
def test_wrong_prices_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(SpecError, match=r"prices\.toml"):
        Prices.load(tmp_path)


# --- where records are ---


def test_a_record_is_known_by_its_name() -> None:
    records = Records(("~/.codex/sessions/*/*/*/rollout-*-{session}.jsonl",))
    assert records.fits("/elsewhere/rollout-2026-11-20-abc.jsonl", "abc")
    assert not records.fits("/elsewhere/rollout-2026-11-20-abd.jsonl", "abc")
    assert not records.fits("/etc/passwd", "abc")


def test_places_are_filled_in() -> None:
    assert filled("{folder}/{short}-{session}", session="0123456789", folder="/run/a") == "/run/a/01234567-0123456789"


def test_which_programs_tell_what_they_take() -> None:
    tell = {name for name in RUNNERS.names() if RUNNERS.get(name).usage is not None}
    assert tell == {"aider", "claude", "codex", "gemini", "opencode", "pi", "qwen"}


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ("[usage]\nfiles = ['~/x']", "usage.lines: is missing"),
        ("[usage]\n[[usage.lines]]\ninput = 'x'", "usage.files: is missing"),
        ("[usage]\nfiles = ['~/{where}']\n[[usage.lines]]\ninput = 'x'", "{where} is not known; there are {folder}"),
        ("[usage]\nfiles = ['~/x']\n[[usage.lines]]\nid = 'x'", "usage.lines.1.input: is missing"),
        ("[usage]\nfiles = ['~/x']\n[[usage.lines]]\ninput = 'x'\ncounts = 'some'", "write one of: call, all"),
        ("[usage]\nfiles = ['~/x']\n[[usage.lines]]\npattern = '(a+)+'", "a repeat without end"),
        ("[usage]\nfiles = ['~/x']\n[[usage.lines]]\ninput = 'x'\nmoney = 'y'", "usage.lines.1.money: is not known"),
    ],
)
def test_a_manifest_that_counts_wrongly_says_so(tmp_path: Path, usage: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"title = 'Mine'\nlaunch = ['x']\n{usage}\n")
    with pytest.raises(SpecError) as caught:
        load(path)
    assert said in caught.value.message
