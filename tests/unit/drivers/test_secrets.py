"""Secrets come from where they are kept, and go nowhere else."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.errors import AgentctlError, NotFound, Refused, TimedOut
from agentctl.domain.team import Secret
from agentctl.drivers import secrets
from agentctl.drivers.secrets import Redactor, reveal

VALUE = "hunter2-\N{SNOWMAN}-secret"


def from_env(reference: str = "TOKEN") -> Secret:
    return Secret("api", "API_TOKEN", "env", reference)


def from_file(path: Path | str) -> Secret:
    return Secret("api", "API_TOKEN", "file", str(path))


def from_command(*argv: str) -> Secret:
    return Secret("api", "API_TOKEN", "command", argv=argv)


def shell(script: str) -> Secret:
    return from_command("/bin/sh", "-c", script)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(VALUE + "\n")
    path.chmod(0o600)
    return path


def fault(secret: Secret, environment: dict[str, str], kind: type[AgentctlError] = AgentctlError) -> str:
    """Return all that could be printed of the error: no part of the value may be in it."""
    with pytest.raises(kind) as caught:
        reveal(secret, environment)
    error: BaseException | None = caught.value
    seen = "".join(traceback.format_exception(caught.value))
    while error is not None:
        seen += repr(vars(error)) + repr(error.args)
        error = error.__cause__ or error.__context__
    assert VALUE not in seen
    assert "hunter2" not in seen
    assert caught.value.message.startswith("secret api: ")
    assert caught.value.hint
    return caught.value.message


def test_each_source_gives_the_value_without_its_last_newline(kept: Path) -> None:
    environment = {"TOKEN": VALUE, "PATH": os.environ["PATH"]}
    assert reveal(from_env(), environment) == VALUE
    assert reveal(from_file(kept), environment) == VALUE
    assert reveal(shell('echo "$TOKEN"'), environment) == VALUE
    assert reveal(shell("printf 'a\\r\\n'"), environment) == "a"
    assert reveal(shell("printf 'a\\nb\\n\\n'"), environment) == "a\nb\n"


def test_a_file_of_the_home_folder_is_found(kept: Path) -> None:
    assert reveal(from_file("~/token"), {"HOME": str(kept.parent)}) == VALUE


def test_a_variable_that_is_not_set_names_itself() -> None:
    assert "TOKEN is not set" in fault(from_env(), {"OTHER": VALUE}, NotFound)
    assert "TOKEN is not set" in fault(from_env(), {"TOKEN": ""}, NotFound)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    assert "others can write" in fault(from_file(kept), {}, Refused)


def test_what_is_no_plain_file_is_refused_without_waiting_on_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        assert "is not a regular file" in fault(from_file(path), {}, Refused)
    assert "No such file" in fault(from_file(tmp_path / "gone"), {}, NotFound)


def test_a_path_that_depends_on_where_we_stand_is_refused() -> None:
    assert "is not an absolute path" in fault(from_file("token"), {}, Refused)


def test_a_large_file_is_no_secret(kept: Path) -> None:
    kept.write_text(VALUE * 10_000)
    assert "larger than 64 KiB" in fault(from_file(kept), {}, Refused)


@pytest.mark.parametrize("raw", [b"hunter2\xff", b"hunter2\0more"])
def test_what_is_no_text_is_refused_and_not_shown(kept: Path, raw: bytes) -> None:
    kept.write_bytes(raw)
    assert "not text" in fault(from_file(kept), {}, Refused)
    assert "not text" in fault(from_command("cat", str(kept)), dict(os.environ), Refused)


def test_a_link_to_a_safe_file_will_do(kept: Path) -> None:
    link = kept.with_name("link")
    link.symlink_to(kept)
    assert reveal(from_file(link), {}) == VALUE


def test_a_command_that_fails_tells_its_exit_code_alone() -> None:
    environment = {**os.environ, "TOKEN": VALUE}
    told = fault(shell('echo "$TOKEN"; echo "bad token $TOKEN" >&2; exit 3'), environment)
    assert told == "secret api: /bin/sh failed with exit code 3"
    assert fault(from_command("no-such-keeper"), environment, NotFound) == "secret api: cannot run no-such-keeper"
    assert "printed nothing" in fault(shell("true"), environment, NotFound)


def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_COMMAND_SECONDS", 0.4)
    script = f"(setsid sleep 300 & echo $! > {tmp_path}/pid); echo $TOKEN; sleep 300"
    begun = time.monotonic()
    fault(shell(script), {**os.environ, "TOKEN": VALUE}, TimedOut)
    assert time.monotonic() - begun < 3
    pid = (tmp_path / "pid").read_text().strip()
    deadline = time.monotonic() + 5
    while sys.platform == "linux" and ") S " in stat(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stat(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""


def test_a_command_that_prints_without_end_is_ended() -> None:
    begun = time.monotonic()
    fault(from_command("yes", VALUE), dict(os.environ), AgentctlError)
    assert time.monotonic() - begun < 3


# --- masking ---------------------------------------------------------------------------------------------------------

VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*"), min_size=4, max_size=12)


@given(st.lists(VALUES, max_size=4), st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_no_value_is_left_in_a_text(values: list[str], texts: list[str]) -> None:
    text = "".join(part for pair in zip(texts, [*values, *[""] * len(texts)], strict=False) for part in pair)
    text += "".join(values)
    masked = Redactor(values).mask(text)
    assert not [value for value in values if value in masked]


@given(st.text(max_size=60))
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor([]).mask(text) == text
    assert Redactor(["", "abc", "never-in-there-\x00"]).mask(text) == text


def test_values_are_masked_in_the_forms_they_take() -> None:
    redactor = Redactor(['quo"te\\d', "first line\nsecond line\n", "a b&c=d", VALUE])
    assert redactor.mask('{"x": "quo\\"te\\\\d"}') == '{"x": "***"}'
    assert redactor.mask("  first line") == "  ***"
    assert redactor.mask("?q=a%20b%26c%3Dd;") == "?q=***;"
    assert redactor.mask('"hunter2-\\u2603-secret"') == '"***"'
    assert "hunter2" not in repr(redactor) + str(redactor)


def test_overlapping_values_leave_no_rest() -> None:
    assert Redactor(["abcdef", "defghi"]).mask("x abcdefghi y") == "x *** y"
    assert Redactor(["abab"]).mask("ababab") == "***"
    assert Redactor(["abcd", "efgh"]).mask("abcdefgh") == "***"
