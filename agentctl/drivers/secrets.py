"""Secrets: fetched where the team file points, handed on in memory, and masked in whatever is kept.

No error here holds a value or any part of one, nor an exception that does: crash files print whole chains of those.
"""

from __future__ import annotations

import json
import os
import selectors
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_never
from urllib.parse import quote

from agentctl.domain.errors import AgentctlError, NotFound, Refused, TimedOut
from agentctl.domain.team import Secret

_MOST_BYTES = 64 * 1024
_COMMAND_SECONDS = 10.0
_SHORTEST_MASKED = 4
"""Shorter values are in half of all words: masking them hides the text and tells the value by what is missing."""
_MASK = "***"


def reveal(secret: Secret, environment: Mapping[str, str]) -> str:
    """Return the value of *secret*, without the newline at its end.

    *environment* is the caller's: `env` looks there and `command` runs with it. May take up to 10 s. Raises `NotFound`
    where there is none, `Refused` where its source is not safe, `TimedOut`, or `AgentctlError` where the command fails.
    """
    match secret.source:
        case "env":
            raw = os.fsencode(environment.get(secret.reference, ""))
            missing = f"{secret.reference} is not set"
        case "file":
            raw = _read_file(secret, environment)
            missing = f"the file {secret.reference} is empty"
        case "command":
            raw = _run_command(secret, environment)
            missing = f"{secret.argv[0]} printed nothing"
        case _:
            assert_never(secret.source)
    value = _as_text(raw)
    if value is None:
        raise Refused(
            f"secret {secret.name}: what its source gave is not text that an environment variable can hold",
            hint="store it as UTF-8 without NUL characters, for example base64-encoded",
        )
    if not value:
        raise NotFound(f"secret {secret.name}: {missing}", hint=_next_step(secret))
    return value


def _next_step(secret: Secret) -> str:
    if secret.source == "env":
        return f"export {secret.reference}=... before deploying, or give the secret another source"
    if secret.source == "file":
        return f"write the secret to {secret.reference}, readable only by you (chmod 600)"
    return f"run it by hand to see what it says: {secret.argv[0]} ..."


def _as_text(raw: bytes) -> str | None:
    """Return *raw* as text without its last newline; None where it is not text."""
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:  # it holds the value, so nothing may be raised while it is handled
        return None
    return None if "\0" in text else text


def _read_file(secret: Secret, environment: Mapping[str, str]) -> bytes:
    path = _find_path(secret, environment)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound(f"secret {secret.name}: cannot read {path}: {error.strerror}", hint=_next_step(secret)) from None
    try:
        _check_file(secret, path, os.fstat(descriptor))
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def _find_path(secret: Secret, environment: Mapping[str, str]) -> Path:
    path = secret.reference
    if path.startswith("~/"):
        path = environment.get("HOME", "~") + path[1:]
    if not path.startswith("/"):
        raise Refused(f"secret {secret.name}: {path!r} is not an absolute path", hint="write it from / or ~/ on")
    return Path(path)


def _check_file(secret: Secret, path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"secret {secret.name}: {path} is not a regular file", hint="point it at a file of its own")
    if found.st_mode & 0o022:
        raise Refused(f"secret {secret.name}: others can write to {path}", hint=f"run: chmod 600 {path}")
    if found.st_uid not in (os.getuid(), 0):
        raise Refused(f"secret {secret.name}: {path} belongs to another user", hint="copy it to a file of yours")
    if found.st_size > _MOST_BYTES:
        raise Refused(
            f"secret {secret.name}: {path} is larger than {_MOST_BYTES // 1024} KiB", hint="it is no secret's file"
        )


def _run_command(secret: Secret, environment: Mapping[str, str]) -> bytes:
    from agentctl.drivers.processes.family import Family  # noqa: PLC0415  only commands need it

    program = secret.argv[0]
    mark = f"AGENTCTL_SECRET={os.urandom(8).hex()}"
    try:
        process = subprocess.Popen(
            secret.argv,
            env={**environment, **dict([mark.split("=")])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # some programs repeat the value there
            start_new_session=True,
        )
    except (OSError, ValueError):
        raise NotFound(f"secret {secret.name}: cannot run {program}", hint=_next_step(secret)) from None
    family = Family(process.pid, mark)
    with process:
        try:
            output = _read_output(process, time.monotonic() + _COMMAND_SECONDS)
        finally:
            if process.poll() is None:
                family.kill()
    if output is None:
        raise TimedOut(
            f"secret {secret.name}: {program} did not end within {_COMMAND_SECONDS:.0f} s", hint=_next_step(secret)
        )
    if process.returncode:
        raise AgentctlError(
            f"secret {secret.name}: {program} failed with exit code {process.returncode}", hint=_next_step(secret)
        )
    if len(output) > _MOST_BYTES:
        raise Refused(f"secret {secret.name}: {program} printed more than a secret", hint=_next_step(secret))
    return output


def _read_output(process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    """Return what *process* prints until it ends, or somewhat more than is allowed; None past the *deadline*."""
    if process.stdout is None:
        raise AssertionError("the output is a pipe")
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(data) <= _MOST_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            part = os.read(process.stdout.fileno(), _MOST_BYTES)
            if not part:
                break
            data += part
        else:
            return data
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    return data


class Redactor:
    """Masks secret values in text that is kept: also as they look in JSON and in URLs, and line by line."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value)}
        self._forms = sorted((form for form in forms if len(form) >= _SHORTEST_MASKED), key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def mask(self, text: str) -> str:
        """Return *text* with `***` in the place of every secret; those that overlap are one."""
        spans = sorted(span for form in self._forms for span in _find(text, form))
        if not spans:
            return text
        parts: list[str] = []
        end = 0
        for start, stop in spans:
            if start > end or not parts:
                parts += [text[end:start], _MASK]
            end = max(end, stop)
        return "".join([*parts, text[end:]])


def _forms(value: str) -> Iterable[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    yield from (line.strip() for line in value.splitlines())


def _find(text: str, form: str) -> Iterable[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)
