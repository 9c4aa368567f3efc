"""What stands in the composer is known to the letter; a placeholder is nothing, and a paste is something."""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentctl.runners.reading import read_screen
from tests.unit.runners.boxes import MANIFEST, RULE, box, composed, shown

BOX = box()
DIM, INVERSE, PLAIN = "\x1b[2m", "\x1b[7m", "\x1b[0m"


def draft(text: str, runner=BOX) -> str | None:
    sight = read_screen(runner, shown(text))
    return sight.draft if sight.composer else None


def test_an_empty_composer_has_no_draft() -> None:
    assert draft(composed()) == ""
    assert draft(composed(prompt="❯")) == ""
    assert draft(composed(prompt="❯\u00a0")) == ""


def test_what_is_typed_is_a_draft() -> None:
    assert draft(composed("half a prompt")) == "half a prompt"
    assert draft(composed("one", "two", "", "  indented")) == "one\ntwo\n\n  indented"
    assert draft(composed("/")) == "/"


def test_a_placeholder_is_no_draft() -> None:
    assert draft(composed(f'{DIM}Try "fix the tests"{PLAIN}')) == ""
    assert draft(composed(f'{INVERSE}T{PLAIN}{DIM}ry "fix the tests"{PLAIN}')) == ""
    assert draft(composed("Type your message or @path")) == ""
    assert draft(composed(f"typed{DIM} and suggested{PLAIN}")) == "typed"


def test_only_the_program_s_own_words_at_the_start_are_a_placeholder() -> None:
    assert draft(composed("please Type your message")) == "please Type your message"


def test_a_long_paste_is_a_draft_even_where_its_mark_is_dim() -> None:
    assert draft(composed("[Pasted text #1 +60 lines]")) == "[Pasted text #1 +60 lines]"
    assert draft(composed(f"{DIM}[Pasted text #1 +60 lines]{PLAIN}")) == "[Pasted text #1 +60 lines]"


def test_a_prompt_that_stands_elsewhere_is_no_composer() -> None:
    assert draft("❯ quoted\nmore") is None
    assert draft(f"{RULE}\n❯ without an end") is None
    assert draft("❯ an old prompt\n\nan answer\n" + composed("new")) == "new"


def test_a_frame_round_it_is_no_part_of_it() -> None:
    text = MANIFEST.replace(r"prompt = '^❯[\s\u00a0]'", "prompt = '^│ > '")
    text = text.replace("above = '^─{10,}'", "above = '^╭─+╮'").replace("end = '^─{10,}'", "end = '^╰─+╯'")
    rows = ["│ > first line                     │", "│   second line                    │"]
    screen = "\n".join(["╭──────────╮", *rows, "╰──────────╯"])
    assert draft(screen, box(text)) == "first line\nsecond line"
    assert draft("╭──────────╮\n│ >                                │\n╰──────────╯", box(text)) == ""


def test_in_a_frame_a_text_with_an_empty_line_is_read_from_its_first_row() -> None:
    text = MANIFEST.replace(r"prompt = '^❯[\s\u00a0]'", "prompt = '^ ┃  '").replace(
        "above = '^─{10,}'", "above = '^ ┃$'"
    )
    runner = box(text.replace("end = '^─{10,}'", "end = '^ ┃  Build · '"))
    asked = " ┃\n ┃  an old prompt\n ┃\n\n  an answer\n\n"
    assert draft(f"{asked} ┃\n ┃  one\n ┃\n ┃    two\n ┃\n ┃  Build · model\n ╹▀▀▀", runner) == "one\n\n  two"
    assert draft(f"{asked} ┃\n ┃  Type your message\n ┃\n ┃  Build · model\n ╹▀▀▀", runner) == ""


BAR = (
    MANIFEST.replace(r"prompt = '^❯[\s\u00a0]'", r"prompt = '^ ┃(?: {40,}\S.*)?$'")
    .replace("above = '^─{10,}'", "above = '^(?! *┃)'")
    .replace(
        "end = '^─{10,}'",
        r"""end = '^ ╹▀+'
foot = 2
margin = '^ ┃(?:  )?'
beside = '(?<=.{40}) {3,}(?=\S)'""",
    )
)
"""A composer on a bar: a blank row, the text, then a blank row and its foot; a side bar may stand right of it."""


def test_rows_at_the_foot_are_no_text() -> None:
    rows = [" ┃", " ┃  one", " ┃  two", " ┃", " ┃  Build · model", " ╹▀▀▀"]
    assert draft("\n".join(["said", "", *rows]), box(BAR)) == "one\ntwo"
    without = BAR.replace("foot = 2\n", "")
    assert draft("\n".join(["said", "", *rows]), box(without)) == "one\ntwo\n\nBuild · model"


def test_only_the_margin_is_taken_off_each_row() -> None:
    rows = [" ┃", " ┃  if it:", " ┃      pass", " ┃", " ┃    end", " ┃", " ┃  Build", " ╹▀▀▀"]
    assert draft("\n".join(["said", "", *rows]), box(BAR)) == "if it:\n    pass\n\n  end"


def test_what_stands_beside_the_composer_is_no_text() -> None:
    side = " " * 20 + "Context: 12 tokens"
    text = [f"{' ┃'.ljust(45)}{side}", f"{' ┃  one'.ljust(45)}{side}", f" ┃  {'x' * 50}   LSP"]
    rows = [*text, " ┃", " ┃  Build", " ╹▀▀▀"]
    assert draft("\n".join(["said", "", *rows]), box(BAR)) == f"one\n{'x' * 50}"
    gap = [" ┃", " ┃  a    gap", " ┃", " ┃  Build", " ╹▀▀▀"]
    assert draft("\n".join(["said", "", *gap]), box(BAR)) == "a    gap", "so near it is text"


def test_without_an_end_the_margin_alone_tells_the_rows_and_nothing_stands_below() -> None:
    text = MANIFEST.replace(r"prompt = '^❯[\s\u00a0]'", "prompt = '^(?:more)?> '").replace("above = '^─{10,}'\n", "")
    runner = box(text.replace("end = '^─{10,}'", "margin = '^(?:more)?> '"))
    assert draft("> old\nan answer\nmore> one\nmore>   two", runner) == "one\n  two"
    assert draft("> ", runner) == ""
    assert draft("> old\nan answer that is still written", runner) is None


_WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda word: not word.startswith(("─", "Type")) and "[Pasted" not in word and not word.endswith(tuple("│┃║▌▐▏▕╎┆┊"))
)
_ROWS = st.lists(st.lists(_WORDS, max_size=6).map(" ".join), min_size=1, max_size=6)


@given(_ROWS)
def test_any_text_comes_back_as_it_was_typed(rows: list[str]) -> None:
    assert draft(composed(*rows)) == "\n".join(rows).strip()
