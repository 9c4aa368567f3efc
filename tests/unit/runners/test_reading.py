"""Screens: the highest rule that fits decides, what is asked comes with its answers, and no fit says nothing."""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.agent import Activity, AskKind, Phase
from agentctl.domain.evidence import Sight
from agentctl.runners.reading import explain_screen, read_screen
from agentctl.runners.registry import Runners
from tests.unit.runners.boxes import MANIFEST, RULE, box, composed, shown

SHIPPED = Runners.load()
BOX = box()
EACH = (BOX, *map(SHIPPED.get, SHIPPED.names()))
ASKS = """\
● Bash(rm -rf build)
────────────────────────────────────────
 Do you want to run it?
 ❯ 1. Yes
   2. Yes, and \x1b[31mdon't ask\x1b[0m again
   3. No

 Esc to cancel
"""


def read(text: str, title: str = "", runner=BOX) -> Sight:
    return read_screen(runner, shown(text, title))


def test_what_nothing_fits_says_nothing() -> None:
    sight = read("$ ")
    assert (sight.activity, sight.rule, sight.composer) == (None, "", False)


def test_a_runner_without_rules_says_nothing() -> None:
    assert read(ASKS, runner=SHIPPED.get("process")) == Sight(None)


def test_a_composer_alone_is_idle() -> None:
    sight = read(composed("draft"))
    assert (sight.activity, sight.rule, sight.line) == (Activity.IDLE, "composer", "❯ draft")


def test_working_stands_above_the_composer() -> None:
    sight = read(composed(above="✻ Baking… (esc to interrupt)"))
    assert (sight.activity, sight.phase, sight.rule) == (Activity.WORKING, Phase.REASONING, "running")
    assert sight.line == "✻ Baking… (esc to interrupt)"
    sight = read(composed("queued", above="✻ Running tests (esc to interrupt)"))
    assert (sight.phase, sight.rule, sight.draft) == (Phase.EXECUTING, "tool", "queued")


def test_what_is_asked_comes_with_its_answers() -> None:
    sight = read(ASKS)
    assert (sight.activity, sight.rule, sight.composer) == (Activity.WAITING, "permission", False)
    assert sight.ask is not None
    assert (sight.ask.kind, sight.ask.title) == (AskKind.PERMISSION, "Do you want to run it?")
    assert sight.ask.options == ("Yes", "Yes, and don't ask again", "No")
    assert (sight.approve, sight.deny, sight.choices) == (("1",), ("Escape",), (("1",), ("2",), ("3",)))


def test_the_same_question_has_the_same_id_and_another_has_another() -> None:
    ids = [
        read(text).ask.id for text in (ASKS, "\n" + ASKS, ASKS.replace("run it", "edit it"), ASKS.replace("No", "Nay"))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(len(one) == 8 and int(one, 16) >= 0 for one in ids)


def test_options_without_keys_are_chosen_by_their_place() -> None:
    sight = read("Trust this folder?\n  ● Yes\n    No\n")
    assert sight.ask is not None
    assert sight.ask.options == ("Yes", "No")
    assert sight.choices == (("Enter",), ("Down", "Enter"))
    assert (sight.approve, sight.deny) == ((), ())


def test_a_list_above_the_question_is_none_of_its_options() -> None:
    listed = "   1. First plan\n   2. Second plan\n   4. Fourth\n" + ASKS.partition("\n")[2]
    assert read(listed).ask.options == ("Yes", "Yes, and don't ask again", "No")


def test_the_end_of_a_limit_is_shown_as_it_is_said() -> None:
    screen = composed(above="You've hit your weekly limit · resets 7pm (Europe/Berlin)")
    ask = read(screen).ask
    assert ask is not None
    assert (ask.kind, ask.until, ask.until_at) == (AskKind.LIMIT, "7pm (Europe/Berlin)", None)
    assert ask.title == "You've hit your weekly limit"
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    ask = read_screen(BOX, shown(screen), now=now).ask
    assert ask is not None
    assert ask.until_at == datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def test_a_viewer_says_nothing_and_is_known() -> None:
    sight = read("old text (esc to interrupt)\n\nShowing detailed transcript · ctrl+o to toggle")
    assert (sight.activity, sight.rule) == (None, "viewer")


def test_a_title_counts_as_its_rule_says() -> None:
    assert read("", "✦ Working").activity is Activity.WORKING
    assert read("", "✦ Ready").activity is None
    assert read(ASKS, "✦ Working").activity is Activity.WAITING
    assert read("", "\x1b[2m✦ Working\x07").activity is Activity.WORKING


@pytest.mark.parametrize(
    "quoted", [ASKS, "Trust this folder?\n  Yes\n", "Showing detailed transcript", "(esc to interrupt)\n."]
)
def test_a_dialog_that_an_answer_quotes_is_not_believed(quoted: str) -> None:
    screen = composed(above=f"● They show this:\n{quoted}\nand that is all.\nReally.")
    assert read(screen).activity is Activity.IDLE
    assert read(screen).ask is None


def test_a_dialog_below_what_looks_like_a_composer_has_what_is_typed() -> None:
    sight = read(composed("an old prompt") + "\n" + ASKS)
    assert (sight.rule, sight.composer, sight.draft) == ("permission", False, "")


def test_what_was_said_is_cleaned() -> None:
    sight = read(ASKS.replace("run it?", "run \u202eit\x1b]52;c;x\x07?"))
    assert sight.ask is not None
    assert sight.ask.title == "Do you want to run it?"


def test_every_rule_is_explained() -> None:
    read = explain_screen(BOX, shown(composed(above="Working (esc to interrupt)")))
    why = {one.rule.name: (one.fits, one.why) for one in read.judged}
    assert [one.rule.priority for one in read.judged] == sorted((r.priority for r in BOX.rules), reverse=True)
    assert why["running"] == (True, "Working (esc to interrupt)")
    assert why["tool"] == (False, r"not there: Running.*\(esc to interrupt\)$")
    assert why["viewer"] == (False, "none of these is there: Showing detailed transcript")
    assert explain_screen(BOX, shown("x")).judged[-1].why == "no composer stands on this screen"


def test_what_must_not_be_there_speaks_against_a_rule() -> None:
    (one,) = [one for one in explain_screen(BOX, shown("", "✦ Ready")).judged if one.rule.name == "title"]
    assert one.why == "must not be there: Ready (line: ✦ Ready)"


def test_bottom_counts_lines_that_say_something() -> None:
    text = MANIFEST + '\n[[screens]]\nname = "last"\nstate = "working"\nregion = "bottom 2"\nall = ["^one$"]\n'
    assert read("one\n\n\ntwo\n\n\n", runner=box(text)).rule == "last"
    assert read("one\n\ntwo\n\nthree\n", runner=box(text)).rule == ""


PICKER = (
    MANIFEST
    + """
[[screens]]
name = "picker"
state = "none"
priority = 990
region = "above-composer 9"
all = ["Sessions +esc"]
cursor = "elsewhere"
"""
)


def test_a_picker_over_the_composer_is_one_only_where_it_has_the_cursor() -> None:
    runner, screen = box(PICKER), composed("one", "two", above="  Sessions   esc")
    first, last, below = (screen.split("\n").index(row) for row in ("❯ one", "  two", "  ? for shortcuts"))
    for row, rule, composer in ((0, "picker", False), (first, "composer", True), (last, "composer", True),
                                (first - 1, "picker", False), (below, "picker", False)):  # fmt: skip
        sight = read_screen(runner, shown(screen, cursor=(3, row)))
        assert (sight.rule, sight.composer) == (rule, composer), row


def test_a_rule_may_want_the_cursor_in_the_composer() -> None:
    runner = box(PICKER.replace('"elsewhere"', '"composer"'))
    screen = composed("one", above="  Sessions   esc")
    assert read_screen(runner, shown(screen, cursor=(2, 2))).rule == "picker"
    assert read_screen(runner, shown(screen)).rule == "composer"
    assert read_screen(runner, shown("no composer", cursor=(2, 2))).rule == ""


def test_where_the_cursor_stands_is_explained() -> None:
    screen = composed("one", above="  Sessions   esc")
    (picker, *_) = explain_screen(box(PICKER), shown(screen, cursor=(2, 2))).judged
    assert (picker.fits, picker.why) == (False, "the cursor stands in the composer")
    (picker, *_) = explain_screen(box(PICKER.replace('"elsewhere"', '"composer"')), shown(screen)).judged
    assert (picker.fits, picker.why) == (False, "the cursor stands not in the composer")


_PIECES = st.sampled_from(
    [ASKS, RULE, "❯ ", "\n", "\x1b[2m", "\x1b[0m", " 1. Yes", "(esc to interrupt)", "resets ", "· ", "\x0e"]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=10)), max_size=30).map("".join), st.text(max_size=20))
def test_no_screen_ever_raises(text: str, title: str) -> None:
    sight = read_screen(BOX, shown(text, title), now=datetime(2026, 1, 1, tzinfo=UTC))
    assert (sight.activity is Activity.WAITING) == (sight.ask is not None)
    assert not sight.draft or sight.composer
    assert sight.line == sight.line.replace("\x1b", "").replace("\n", "")


@given(st.binary(max_size=2000))
def test_no_bytes_ever_raise(data: bytes) -> None:
    for runner in EACH:
        read_screen(runner, shown(data.decode(errors="surrogateescape")))
