"""Answers to check-ins are read however they are written, and nothing of them is lost."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.report import Report
from agentctl.domain.text import safe_line, safe_text
from agentctl.engine.report import LONGEST_LINE, MOST_LINES, MOST_READ, read_report

PARTS = ("done", "doing", "blocked", "needs")
ASKED = Report(("cart",), ("tests",), ("CI is red",), ("which db?",))

FORMS = {
    "as asked": "Done: cart\nDoing: tests\nBlocked: CI is red\nNeeds a person: which db?",
    "bold": "**Done:** cart\n**Doing**: tests\n**Blocked** - CI is red\n__Needs a person:__ which db?",
    "bullets": "- Done: cart\n* Doing: tests\n• **Blocked:** CI is red\n+ Needs a person: which db?",
    "numbers": "1. Done: cart\n2. **Doing**: tests\n3) blocked: CI is red\n4. NEEDS A PERSON: which db?",
    "sections": "## Done\n- cart\n\n## Doing\n\n1. tests\n### Blocked\nCI is red\n# Needs a person\n\n- which db?",
    "other words": "Completed: cart\nIn progress: tests\nBlockers: CI is red\nNeeds human: which db?",
    "after a word": "Status:\nDone: cart\nStatus update: Doing: tests\nWaiting on: CI is red\nNeeds you: which db?",
    "in a fence": "```text\nDone: cart\nDoing: tests\nBlocked: CI is red\nNeeds a person: which db?\n```",
    "another order": "needs a person: which db?\nblocked: CI is red\ndoing: tests\ndone: cart",
    "wide colons": "Done\uff1acart\nDoing\uff1a tests\nBlocked\uff1aCI is red\nNeeds a person\uff1awhich db?",
    "escapes": "\x1b[1mDone:\x1b[0m cart\r\nDoing: te\x07sts\r\nBlocked: CI is red\r\nNeeds a person: which db?",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_however_it_is_written(form):
    assert read_report(FORMS[form]) == ASKED


def test_all_on_one_line():
    report = read_report("Done: the cart. Doing: its tests; **Blocked:** none. Needs a person: which db?")
    assert report == Report(("the cart.",), ("its tests;",), (), ("which db?",))


@pytest.mark.parametrize(
    "nothing",
    ["none", "None.", "nothing", "no", "N/A", "-", "\u2014", "nobody", "none right now", "no blockers", "- none"],
)
def test_none_is_nothing(nothing):
    assert read_report(f"Done: x\nBlocked: {nothing}\nNeeds a person: {nothing}") == Report(("x",))
    assert read_report(f"Done: x\nNeeds a person:\n{nothing}") == Report(("x",))


def test_four_times_none_is_an_empty_report():
    assert read_report("Done: none\nDoing: none\nBlocked: none\nNeeds a person: none") == Report()


@pytest.mark.parametrize("text", ["", " \n", "\x1b[2J"])
def test_an_answer_without_words_is_told_apart_from_one_that_says_nothing(text):
    assert read_report(text) == Report(worded=False)


def test_what_follows_a_none_asks_for_nobody():
    report = read_report("Done: x\nBlocked: none\nNeeds a person: none\nI go on with the tests.")
    assert report == Report(("x",), ("I go on with the tests.",))


def test_prose_behind_an_empty_line_is_none_of_the_part_before():
    report = read_report("Needs a person: a key\n\nMeanwhile I write tests.\nAnd docs.")
    assert (report.needs, report.doing) == (("a key",), ("Meanwhile I write tests.", "And docs."))


def test_what_fits_no_heading_is_what_it_is_doing():
    report = read_report("Here it is:\n\nDone: x\n\nSo far so good.")
    assert report == Report(("x",), ("Here it is:", "So far so good."))


@pytest.mark.parametrize(
    "text",
    [
        "Ich arbeite am Warenkorb.\nFertig: die Tests",
        "\u30ab\u30fc\u30c8",
        "Done.",
        "Done",
        "Nothing to say",
        "Done with the tests",
    ],
)
def test_other_languages_and_single_words_are_kept(text):
    assert read_report(text) == Report(doing=tuple(text.splitlines()))


def test_a_word_of_a_heading_within_prose_begins_nothing():
    text = "Now I am done with the cart and doing tests.\nNeeds more thought than I had.\nBlocked ads are fine."
    assert read_report(text).doing == tuple(text.splitlines())


def test_a_quoted_heading_is_text_of_the_part_it_stands_in():
    report = read_report("Doing: I read\n> dev, 3m ago: needs a person: rm -rf /\n> Needs a person: you\nDone: x")
    assert report == Report(("x",), ("I read", "> dev, 3m ago: needs a person: rm -rf /", "> Needs a person: you"))


def test_much_is_cut_and_says_so():
    report = read_report("Done:\n" + "".join(f"- {number} {'x' * 400}\n" for number in range(30)))
    assert len(report.done) == MOST_LINES
    assert report.done[-1].startswith("… and ")
    assert all(len(line) <= LONGEST_LINE for line in report.done)


@pytest.mark.parametrize(
    "text", ["done" + "*" * 16_000 + "x", "- " * 8_000, ". " * 8_000, "done: " + "a; done" * 2_000]
)
def test_no_text_takes_long(text):
    begun = time.thread_time()
    read_report(text)
    assert time.thread_time() - begun < 1.0


words = st.sampled_from(
    ["Done", "doing", "**Blocked**", "Needs a person", ":", ": ", " - ", "none", "\n", "\n\n", "- ", "> ", "1. ", "## ",
     "x", "the cart", "```", "Status:", "; ", ". ", "\x1b[31m", "\u202e"]
)  # fmt: skip
texts = st.one_of(st.text(), st.lists(words).map("".join))


@given(texts)
def test_any_text_is_a_clean_report(text):
    report = read_report(text)
    for part in PARTS:
        lines = getattr(report, part)
        assert len(lines) <= MOST_LINES
        assert all(line and line == safe_line(line) and len(line) <= LONGEST_LINE for line in lines)


@given(
    st.lists(st.sampled_from(["apple 1", "- pear 2", "**plum** 3", "> fig 4", "", "kiwi: 5", "## lime 6"]), max_size=9)
)
def test_nothing_that_is_said_is_lost(lines):
    report = read_report("\n".join(["Done: x", *lines]))
    kept = sorted(re.findall(r"\d", " ".join(line for part in PARTS for line in getattr(report, part))))
    assert kept == sorted(re.findall(r"\d", "".join(lines)))


@given(st.lists(texts.map(lambda text: safe_text(text).replace("\n", " ")), min_size=1, max_size=5))
def test_no_quote_can_ask_for_a_person(quotes):
    text = "\n".join(["Done: x", "Needs a person: none", *(f"> {quote}" for quote in quotes), "Doing: y"])
    assert read_report(text[:MOST_READ]).needs == ()
