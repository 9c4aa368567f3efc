"""Marked lines of a crontab: put in and taken out, and no other byte changes; and what a shell makes of the job."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.errors import Refused
from agentctl.engine.crontab import job, marked, put_in, take_out, timing

MARK, OTHER = "1a2b3c4d", "99999999"
JOB, HOURLY = b"* * * * * tick", b"0 * * * * tick"

LINES = st.lists(
    st.one_of(
        st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
        st.sampled_from([b"", b"\r", b"# a comment", b"5 4 * * * caf\xe9 %in", b"MAILTO=a@example.invalid\r"]),
    ),
    max_size=8,
)
CRONTABS = st.builds(
    lambda lines, end: b"\n".join(lines) + (end if lines else b""), LINES, st.sampled_from([b"", b"\n"])
)


def ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"


@given(CRONTABS)
def test_what_is_put_in_comes_out_again_and_leaves_every_byte_as_it_was(text: bytes) -> None:
    put = put_in(text, MARK, JOB)
    assert put.startswith(ended(text))
    assert marked(put, MARK) == JOB
    assert take_out(put, MARK) == ended(text)
    assert take_out(text, MARK) == text


@given(CRONTABS, CRONTABS)
def test_what_is_put_in_again_takes_its_own_place_and_no_other(before: bytes, after: bytes) -> None:
    text = put_in(before, MARK, JOB) + after
    assert put_in(text, MARK, JOB) == text
    assert put_in(text, MARK, HOURLY) == put_in(before, MARK, HOURLY) + after
    assert take_out(text, MARK) == ended(before) + after


@given(CRONTABS)
def test_two_homes_do_not_touch_each_other(text: bytes) -> None:
    both = put_in(put_in(text, OTHER, JOB), MARK, JOB)
    assert take_out(both, OTHER) == put_in(text, MARK, JOB)
    assert marked(take_out(both, MARK), MARK) is None


@pytest.mark.parametrize(
    "text",
    [
        b"# agentctl 1a2b3c4d begin\n* * * * * tick\n",
        b"* * * * * tick\n# agentctl 1a2b3c4d end\n",
        b"# agentctl 1a2b3c4d end\n# agentctl 1a2b3c4d begin\n",
        put_in(b"", MARK, JOB) * 2,
    ],
)
def test_marks_that_somebody_has_edited_are_not_guessed_at(text: bytes) -> None:
    for edit in (lambda: put_in(text, MARK, JOB), lambda: take_out(text, MARK), lambda: marked(text, MARK)):
        with pytest.raises(Refused, match="not one section"):
            edit()


def test_an_editor_that_writes_crlf_hides_no_mark() -> None:
    text = b"a\r\n" + put_in(b"", MARK, JOB).replace(b"\n", b"\r\n")
    assert marked(text, MARK) == JOB
    assert take_out(text, MARK) == b"a\r\n"


@pytest.mark.parametrize(
    ("every", "fields"),
    [
        (timedelta(minutes=1), "* * * * *"),
        (timedelta(minutes=20), "*/20 * * * *"),
        (timedelta(hours=1), "0 * * * *"),
        (timedelta(hours=6), "0 */6 * * *"),
        (timedelta(days=1), "0 0 * * *"),
    ],
)
def test_even_steps_of_the_clock(every: timedelta, fields: str) -> None:
    assert timing(every) == fields


@pytest.mark.parametrize("seconds", [0, 30, 90, 7 * 60, 45 * 60, 90 * 60, 5 * 3600, 2 * 86400])
def test_what_cron_cannot_do_evenly_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="cron knows"):
        timing(timedelta(seconds=seconds))


def as_cron_reads(command: bytes) -> bytes:
    """Return what vixie cron hands to the shell: up to a bare `%`, with the backslash before others taken off."""
    read, escaped = bytearray(), False
    for letter in command:
        if escaped and letter == ord("%"):
            read.pop()
        elif letter == ord("%"):
            break
        escaped = not escaped and letter == ord("\\")
        read.append(letter)
    return bytes(read)


WORDS = st.text(st.sampled_from("ab %\\'\"$`~#&!\t;é=\udce9"), max_size=12)


@given(WORDS, st.lists(WORDS, max_size=3))
def test_every_word_comes_through_cron_and_the_shell_as_it_was(value: str, words: list[str]) -> None:
    line = job("* * * * *", {"A": value}, ["/bin/sh", "-c", 'printf "%s|" "$A" "$@"', "x", *words])
    command = as_cron_reads(line.removeprefix(b"* * * * * "))
    said = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, env={}, timeout=20)
    assert said.stdout == b"".join(os.fsencode(word) + b"|" for word in [value, *words])


@pytest.mark.parametrize(
    ("environ", "argv"), [({"A": "a\nb"}, ["x"]), ({}, ["x", "a\rb"]), ({}, ["x\0"]), ({}, ["/a=b/python"])]
)
def test_what_no_crontab_can_say_is_refused(environ: dict[str, str], argv: list[str]) -> None:
    with pytest.raises(ValueError, match=r"line break|takes it for a variable"):
        job("* * * * *", environ, argv)
