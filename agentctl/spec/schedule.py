"""The format of what is done again and again: schedules, commits and check-ins."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from agentctl.domain.units import format_duration
from agentctl.spec.cron import PATTERN, cron_expression, zone_name
from agentctl.spec.kinds import DURATION, Checked, Duration, Flag, Json, Model, Name, key
from agentctl.spec.problems import quoted

_LEAST = timedelta(minutes=1)
_MOST_TEXT = 10_000


def _interval(value: object) -> object:
    interval = DURATION.check(value)
    if isinstance(interval, timedelta) and interval < _LEAST:
        raise ValueError(f"{quoted(value)} is too short: the least is {format_duration(_LEAST)}")
    return interval


def _some_text(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty")
    if isinstance(value, str) and len(value) > _MOST_TEXT:
        raise ValueError(f"takes at most {_MOST_TEXT:,} characters")
    return value


def _yes(value: object) -> object:
    if value is not True:
        raise ValueError("must be true; leave it out for a message")
    return True


def short_every(value: object) -> object:
    """Return a commit or check-in in its long form: `30m` is `{every: 30m}`, and `off` is `false`."""
    if isinstance(value, str):
        return False if value == "off" else {"every": value}
    return value


SHORT_EVERY: Json = {"type": "string", "pattern": f"{DURATION.form['pattern'][:-2]}|off)$"}
Interval = Annotated[timedelta, Checked(_interval, DURATION.form, "duration")]
CronLine = Annotated[str, Checked(cron_expression, {"type": "string", "pattern": f"^({PATTERN})$"}, "cron line")]
Zone = Annotated[str, Checked(zone_name, {"type": "string", "pattern": "^[A-Za-z0-9_+/-]+$"}, "time zone")]
SomeText = Annotated[str, BeforeValidator(_some_text)]
Yes = Annotated[bool, Checked(_yes, {"const": True}, "`true`")]


class CheckIn(Model):
    """A question for how far an agent is: exactly one of `every` and `cron`."""

    every: Interval | None = key("Time between two check-ins, at least `1m`; alone, `check_in: 15m` will do.")
    cron: CronLine | None = key("When: cron's five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.")
    zone: Zone | None = key("The time zone of `cron`, as `Europe/Berlin`. Default `UTC`.")
    prompt: SomeText | None = key("What is asked: text, or the path of a `.md` or `.j2` file. Default: our template.")
    when: Literal["idle", "always"] | None = key(
        "Ask only while it is idle, or always. Default: as its program takes messages."
    )


class Commit(Model):
    """Commits of an agent's work: exactly one of `every` and `cron`."""

    every: Interval | None = key("Time between two commits, at least `1m`; alone, `commit: 30m` will do.")
    cron: CronLine | None = key("When: cron's five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.")
    zone: Zone | None = key("The time zone of `cron`, as `Europe/Berlin`. Default `UTC`.")
    message: str | None = key("The commit message, a template.")


class Schedule(Model):
    """What is done again and again: exactly one of `every` and `cron`, and one of `message` and `commit`."""

    one_of: ClassVar[tuple[tuple[str, ...], ...]] = (("every", "cron"), ("message", "commit"))

    every: Interval | None = key("Time between two, at least `1m`, on a grid that no deploy moves.")
    cron: CronLine | None = key("When: cron's five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.")
    zone: Zone | None = key("The time zone of `cron`, as `Europe/Berlin`. Default `UTC`.")
    message: SomeText | None = key("What the agents are told, a template that knows `team` and `vars`.")
    commit: Yes | None = key("Keep the agents' work in a checkpoint.")
    agents: list[Name] | None = key(
        "Whom it is for. Default: a message is for all coding agents, a commit for all that say nothing of `commit` "
        "themselves.",
        min_length=1,
        max_length=500,
    )
    jitter: Duration | None = key("Put each agent off by up to this, so that not all are at it at once. Default none.")
    catch_up: Flag | None = key("Whether the newest time of a gap is made up for after it. Default `true`.")
    enabled: Flag | None = key("Whether it is done at all. Default `true`.")
