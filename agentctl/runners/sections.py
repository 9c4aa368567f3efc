"""The tables of a manifest, one function each: from what is written to what `runner` knows."""

from __future__ import annotations

import re
from typing import TypeVar

from agentctl.domain.agent import AskKind
from agentctl.domain.evidence import Meaning
from agentctl.runners.mailbox import DONE, DOORBELL, INBOX, SIGNALS, TAKEN
from agentctl.runners.patterns import compiled
from agentctl.runners.pulse import PULSE
from agentctl.runners.runner import (
    REGION,
    Composer,
    Login,
    Ready,
    Report,
    Rule,
    Session,
    Submit,
)
from agentctl.runners.table import Table
from agentctl.runners.usage.rules import PLACES, LineRule, Records

T = TypeVar("T")

POLICIES = ("ask", "plan", "auto-edit", "auto")
"""What `approve` may be in a team file."""
ENDS = ("quota", "login", "memory")
"""What a program's last words can tell."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_TAKEN_NAMES = frozenset({INBOX, TAKEN, DONE, DOORBELL, SIGNALS, PULSE, "messages"})
"""What stands in an agent's run folder already."""
_SIGNAL = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_WORDS_OF_SIGNALS = ("session", "id")
"""Keys of `[signals]` that are no kinds."""


def read_ready(table: Table) -> Ready:
    """Read `[ready]`."""
    ready = Ready(
        table.choice("how", ("alive", "screen", "signal", "composer"), Ready().how),
        table.duration("after", Ready().after),
    )
    table.close()
    return ready


def read_submit(table: Table) -> Submit:
    """Read `[submit]`."""
    standard = Submit()
    submit = Submit(
        table.choice("channel", ("typing", "inbox", "none"), standard.channel),
        table.texts("keys", standard.keys),
        table.duration("delay", standard.delay),
        table.size("safe_bytes", standard.safe_bytes),
        table.flag("lines", default=standard.lines),
        table.pattern("alters"),
        table.choice("busy", ("hold", "queue"), standard.busy),
        table.text("commands", standard.commands),
        table.choice("seen", ("signal", "screen"), standard.seen),
        table.duration("within", standard.within),
        table.text("history", ""),
        table.texts("remedy"),
    )
    table.close()
    return submit


def read_login(table: Table) -> Login:
    """Read `[login]`."""
    login = Login(table.texts("env"), table.texts("files"))
    table.close()
    return login


def read_session(table: Table) -> Session:
    """Read `[session]`."""
    session = Session(table.placed_texts("new"), table.placed_texts("resume"), table.patterns("lost"))
    table.close()
    return session


def read_approve(table: Table) -> dict[str, tuple[str, ...]]:
    """Read `[approve]`: words by policy."""
    policies = {policy: table.placed_texts(policy) for policy in table.named(POLICIES)}
    table.close()
    return policies


def read_ends(table: Table) -> dict[str, tuple[str, ...]]:
    """Read `[ends]`: patterns by ending."""
    ends = {ending: table.patterns(ending) for ending in table.named(ENDS)}
    table.close()
    return ends


def read_files(table: Table) -> dict[str, str]:
    """Return the files by name; each is a plain name in the agent's run folder, and none that stands there already."""
    files = table.variables("files")
    for name in files:
        if not _FILE_NAME.fullmatch(name) or name in _TAKEN_NAMES:
            table.wrong(f"files.{name}", "name it with letters, digits, . _ and -, and not as what stands there")
    return files


def read_composer(table: Table) -> Composer | None:
    """Read `[composer]`."""
    composer = Composer(
        table.pattern("prompt", None),
        table.pattern("above"),
        table.pattern("end"),
        table.number("foot", 0),
        table.pattern("margin"),
        table.pattern("beside"),
        table.patterns("empty"),
        table.pattern("pasted"),
    )
    table.close()
    return composer


def read_rules(table: Table) -> tuple[Rule, ...]:
    """Read each of `[[screens]]`."""
    rules = tuple(_read_rule(screen) for screen in table.tables("screens"))
    names = [rule.name for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.wrong(f"screens.{name}", "is there twice")
    return rules


def _read_rule(table: Table) -> Rule:
    rule = Rule(
        name=table.text("name"),
        state=table.choice("state", ("idle", "working", "waiting", "none"), "none"),
        kind=table.choice("kind", ("", *map(str, AskKind)), ""),
        priority=table.number("priority", 0),
        region=table.text("region", "screen"),
        all=table.patterns("all"),
        any=table.patterns("any"),
        none=table.patterns("none"),
        cursor=table.choice("cursor", ("", "composer", "elsewhere"), ""),
        title=table.pattern("title"),
        options=table.pattern("options"),
        approve=table.texts("approve"),
        deny=table.texts("deny"),
        answer=table.text_or_texts("answer"),
        until=table.pattern("until"),
        phase=table.choice("phase", ("reasoning", "executing"), "reasoning"),
    )
    _check_rule(table, rule)
    table.close()
    return rule


def _check_rule(table: Table, rule: Rule) -> None:
    if not REGION.fullmatch(rule.region):
        regions = "screen, bottom N, composer, above-composer N, below-composer, title"
        table.wrong("region", f"write one of: {regions}")
    if (rule.state == "waiting") != bool(rule.kind):
        table.wrong("kind", "belongs to a rule whose state is waiting, and to each of those")
    if not (rule.all or rule.any):
        table.wrong("all", "is missing: a rule needs patterns in all or in any")
    for key, pattern in (("title", rule.title), ("until", rule.until), ("options", rule.options)):
        if pattern and not _groups(pattern):
            table.wrong(key, "needs a group: (…) round what is to be shown")


def _groups(pattern: str) -> int:
    return compiled(pattern).groups if "(" in pattern else 0


def read_reports(table: Table) -> tuple[dict[str, Report], str, str]:
    """Return the reports by kind, and the paths to a payload's conversation and turn."""
    session, turn = table.text("session", ""), table.text("id", "")
    reports = {}
    for kind in table.named():
        report = table.table(kind)
        reports[kind] = Report(
            Meaning(report.choice("means", tuple(map(str, Meaning)), Meaning.READY.value)),
            report.text("text", ""),
            report.text("unless", ""),
        )
        report.close()
        if not _SIGNAL.fullmatch(kind):
            table.wrong(kind, "a kind is a word of letters, digits and _ . : -")
    table.close()
    return reports, session, turn


def read_usage(table: Table) -> Records | None:
    """Read `[usage]`; None where there is none, and nothing can be known of tokens."""
    if not table:
        return None
    records = Records(
        table.texts("files"),
        table.text("signal", ""),
        table.texts("beside"),
        tuple(_read_line_rule(line) for line in table.tables("lines")),
    )
    for key, paths in (("files", records.files), ("beside", records.beside)):
        for path in paths:
            if unknown := set(_PLACE.findall(path)) - PLACES:
                table.wrong(key, f"{{{min(unknown)}}} is not known; there are {_braced(PLACES)}")
    if not records.files or not records.lines:
        table.wrong("files" if not records.files else "lines", "is missing: without it nothing is read")
    table.close()
    return records


def _read_line_rule(table: Table) -> LineRule:
    rule = LineRule(
        has=tuple(table.variables("has").items()),
        pattern=table.pattern("pattern"),
        id=table.text("id", ""),
        model=table.text("model", ""),
        input=table.text_or_texts("input"),
        output=table.text_or_texts("output"),
        cache_read=table.text_or_texts("cache_read"),
        cache_write=table.text_or_texts("cache_write"),
        cost=table.text("cost", ""),
        counts=table.choice("counts", ("call", "all"), "call"),
        cached_within=table.flag("cached_within", default=False),
    )
    if not any((rule.pattern, rule.model, rule.input, rule.output, rule.cost)):
        table.wrong("input", "is missing: a line that is read has figures, or names a model")
    table.close()
    return rule


def _braced(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
