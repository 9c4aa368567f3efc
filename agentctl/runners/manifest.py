"""Reads a runner's manifest; says everything that is wrong with it at once, by file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentctl.domain.errors import SpecError
from agentctl.domain.evidence import Meaning
from agentctl.domain.names import NAME_RULE, is_name
from agentctl.runners.runner import Runner
from agentctl.runners.sections import (
    read_approve,
    read_composer,
    read_ends,
    read_files,
    read_login,
    read_ready,
    read_reports,
    read_rules,
    read_session,
    read_submit,
    read_usage,
)
from agentctl.runners.table import Table

_MOST_BYTES = 64 * 1024
_EXTENDS = "extends"
_SCREENS = "screens"


def load(path: Path, base: Mapping[str, Runner] | None = None, *, checks_patterns: bool = True) -> Runner:
    """Return the runner that *path* describes; its name is the file's.

    With *base* (the shipped runners) the file may change one of them, its namesake or the one that `extends` names: it
    gives only what differs. With *checks_patterns* off its regular expressions are not looked at, which takes most of
    the time. Raises `SpecError`.
    """
    data, source = _read(path), str(path)
    problems: list[str] = []
    if not is_name(path.stem) or path.stem == "auto":
        problems.append(f"a runner is named by its file: {NAME_RULE}, and not auto")
    parent = _parent(path.stem, data, base or {}, problems)
    if parent is not None:
        data = _merge(_read(Path(parent.source)), data)
    runner = _runner(path.stem, source, Table(data, "", problems, checks_patterns=checks_patterns))
    if problems:
        raise SpecError("\n".join(f"{source}: {problem}" for problem in problems), hint="see docs/howto/runners.md")
    return runner


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        if len(raw) > _MOST_BYTES:
            raise SpecError(f"{path}: a manifest is at most 64 KiB")
        return tomllib.loads(raw.decode())
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path}: {error}") from None
    except RecursionError:
        raise SpecError(f"{path}: is nested too deeply") from None


def _parent(name: str, data: dict[str, Any], base: Mapping[str, Runner], problems: list[str]) -> Runner | None:
    wanted = data.pop(_EXTENDS, None)
    if wanted is None:
        return base.get(name)
    if not isinstance(wanted, str) or wanted not in base:
        problems.append(f"{_EXTENDS}: name one of: {', '.join(sorted(base)) or 'no runner can be extended here'}")
        return None
    return base[wanted]


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return *below* with the keys of *above*; tables are merged, rules too by name, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        elif key == _SCREENS and isinstance(value, list):
            merged[key] = _merge_rules(merged.get(key, []), value)
        else:
            merged[key] = value
    return merged


def _merge_rules(below: list[Any], above: list[Any]) -> list[Any]:
    """Return the rules of both; one that has a namesake below gives only what differs."""
    named = {rule["name"]: rule for rule in below}
    for rule in above:
        if not isinstance(rule, dict) or not isinstance(rule.get("name"), str):
            return [*below, *above]  # what is wrong with it is said where it is read
    changed = {rule["name"]: _merge(named.get(rule["name"], {}), rule) for rule in above}
    return [changed.pop(rule["name"], rule) for rule in below] + list(changed.values())


def _runner(name: str, source: str, table: Table) -> Runner:
    reports, session_path, id_path = read_reports(table.table("signals"))
    composer = table.table("composer")
    runner = Runner(
        name=name,
        title=table.text("title"),
        launch_words=table.words("launch"),
        coding=table.flag("coding", default=False),
        order=table.number("order", 1000),
        holds_tools=table.flag("holds_tools", default=False),
        programs=table.texts("programs"),
        version=table.texts("version"),
        env=table.variables("env"),
        unset=table.texts("unset"),
        ready=read_ready(table.table("ready")),
        submit=read_submit(table.table("submit")),
        files=read_files(table),
        session=read_session(table.table("session")),
        login=read_login(table.table("login")),
        approve=read_approve(table.table("approve")),
        composer=read_composer(composer) if composer else None,
        rules=read_rules(table),
        reports=reports,
        session_path=session_path,
        id_path=id_path,
        ends=read_ends(table.table("ends")),
        usage=read_usage(table.table("usage")),
        least_memory_bytes=table.size("least_memory", 0),
        least_memory_why=table.text("least_memory_why", ""),
        notes=table.text("notes", ""),
        source=source,
    )
    _check_whole(table, runner)
    table.close()
    return runner


def _check_whole(table: Table, runner: Runner) -> None:
    """Write down what one part needs of another and does not find."""
    if runner.composer is None:
        if runner.ready.how == "composer":
            table.wrong("ready.how", "composer needs a table [composer]")
        for rule in runner.rules:
            if "composer" in rule.region:
                table.wrong(f"screens.{rule.name}.region", "needs a table [composer]")
            if rule.cursor:
                table.wrong(f"screens.{rule.name}.cursor", "needs a table [composer]")
    proofs = {report.means for report in runner.reports.values()}
    if runner.submit.channel == "typing" and runner.submit.seen == "signal" and Meaning.PROMPT not in proofs:
        table.wrong("submit.seen", "signal needs a kind in [signals] that means prompt")
