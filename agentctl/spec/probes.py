"""Readiness and health questions of a team file, filled in and checked."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

from agentctl.domain.team import Probe, ProbeKind
from agentctl.spec.commands import CommandProblem, split
from agentctl.spec.document import Health, Ready
from agentctl.spec.fill import Fill
from agentctl.spec.nodes import Entry, Mapping, Node, Scalar, Sequence
from agentctl.spec.problems import Problem, quoted

_KINDS: tuple[ProbeKind, ...] = ("http", "tcp", "command", "log")
_HIGHEST_PORT = 65535


def probe(key: str, model: Ready, entry: Entry, fill: Fill) -> Probe | None:
    """Return the question under *key* (`ready` or `health`); problems go to *fill*."""
    node = entry.value
    kinds = [kind for kind in _KINDS if isinstance(node, Mapping) and kind in node.entries]
    if not isinstance(node, Mapping) or len(kinds) != 1:
        fill.problems.append(_not_one(key, kinds, entry))
        return None
    kind = kinds[0]
    asked = node.get(kind)
    argv = argument_list(asked, fill, shell=bool(model.shell)) if kind == "command" else ()
    target = fill.text(asked) if kind != "command" else ""
    if target and asked is not None and (fault := _CHECKS[kind](target)) is not None:
        fill.problems.append(asked.place.problem(f"{key}.{kind} {quoted(target)}: {fault[0]}", fault[1]))
    health = key == "health"
    return Probe(
        kind=kind,
        target=target,
        argv=argv,
        every=model.every or timedelta(seconds=10 if health else 1),
        timeout=model.timeout or timedelta(seconds=5 if health else 60),
        failures=(model.failures if isinstance(model, Health) else None) or 3,
    )


def argument_list(node: Node | None, fill: Fill, *, shell: bool) -> tuple[str, ...]:
    """Return the command at *node* as an argument list, its templates filled in."""
    if isinstance(node, Sequence):
        if shell:
            fill.problems.append(
                node.place.problem("'shell: true' takes one line, not a list", "remove one of the two")
            )
        return tuple(fill.text(item) for item in node.items)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return ()
    if shell:
        return ("/bin/sh", "-c", fill.text(node))
    try:
        words = split(node.value)
    except CommandProblem as error:
        fill.problems.append(node.place.problem(error.message, error.hint))
        return ()
    return tuple(fill.source(word, node.place) for word in words)


def _not_one(key: str, kinds: list[ProbeKind], entry: Entry) -> Problem:
    if not kinds:
        return entry.key.problem(f"'{key}' asks nothing", f"give it one of {', '.join(_KINDS)}")
    hint = "remove one; null takes away what a role or the defaults said"
    return entry.key.problem(f"'{key}' asks in more than one way: {' and '.join(kinds)}", hint)


def _http(target: str) -> tuple[str, str] | None:
    example = "for example http://127.0.0.1:3000/"
    try:
        parts = urlsplit(target)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    return None if fine and not re.search(r"\s", target) else ("this is not a web address", example)


def _tcp(target: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", target)
    fine = match is not None and 0 < int(match[1]) <= _HIGHEST_PORT
    return None if fine else ("write it as host:port", "for example 127.0.0.1:5432")


def _log(target: str) -> tuple[str, str] | None:
    try:
        re.compile(target)
    except (re.error, RecursionError, OverflowError) as error:
        return f"this is not a regular expression: {error}", "put a backslash before a sign that is meant as it is"
    return None


_CHECKS = {"http": _http, "tcp": _tcp, "log": _log}
