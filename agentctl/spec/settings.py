"""Settings: what is not a team's business, where each value comes from, and the files they are read from.

Precedence: a command's flags, then `AGENTCTL_*`, then `./agentctl.yaml` (found upwards), then the user's
`config.yaml`, then the defaults here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from agentctl.domain.errors import SpecError
from agentctl.domain.units import format_duration, parse_bytes, parse_duration, parse_percent
from agentctl.spec.nodes import Mapping as Map
from agentctl.spec.nodes import Place, Scalar, Sequence
from agentctl.spec.notify_settings import Address, address, flag, hours, reasons
from agentctl.spec.parse import parse
from agentctl.spec.problems import Problem, SpecProblems, did_you_mean, quoted
from agentctl.spec.source import Source, Unreadable, read_source

PROJECT_FILE = "agentctl.yaml"
USER_FILE = "config.yaml"
DEFAULT = "default"

_MOST_HISTORY = 1_000_000
_NOWHERE = Address()
_NAME_IT = "write ${NAME} for a variable that holds it, or put it into a file of your own: agentctl config edit --user"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, worked out."""

    tmux_socket: Literal["own", "default"] = "own"
    """`own`: our own tmux server; `default`: teams on the user's, for plain `tmux attach`."""
    tmux_history_limit: int = 20_000
    """Lines each window keeps."""
    deploy_timeout: timedelta = timedelta(minutes=2)
    """How long deploy waits until all agents are ready."""
    machine_cpu: str = "60%"
    """The share of all cores that all agents together may take."""
    machine_memory_reserve: str = "auto"
    """Memory of the machine that is to stay free, a size or a share; `auto`: a tenth of it, at most 2GiB."""
    machine_agents: str = "none"
    """At most so many agents run at a time, or `none`: as many as are wanted."""
    machine_starting: str = "auto"
    """At most so many coding agents start at once; `auto`: two a core, at least 4."""
    limits_level: Literal["auto", "quota", "freezer", "signals", "nice", "watch"] = "auto"
    """The surest way to hold CPU limits that may be used; `auto`: whatever is surest on this machine."""
    notify_on: str = "waiting,error,budget"
    """What a person is told about, with commas: as `notify.on` of a team file, which goes before it."""
    notify_bell: bool = True
    """Ring the bell of the agent's window."""
    notify_desktop: bool = True
    """Show it on the desktop: by its own program, else by the terminals that are attached."""
    notify_webhook: Address = _NOWHERE
    """Post it as JSON to this address."""
    notify_slack: Address = _NOWHERE
    """Post it to this address in Slack's form."""
    notify_dwell: timedelta = timedelta(seconds=5)
    """Tell only what has stood for so long."""
    notify_cooldown: timedelta = timedelta(minutes=1)
    """Tell of one agent at most once in this time; approvals come all the same."""
    notify_quiet: str = "none"
    """Hours in which only approvals are told, `22:00-07:00 Europe/Berlin`; what still stands comes at their end."""
    color: Literal["auto", "always", "never"] = "auto"
    """When to colour. Files are read for this only where stdout is a terminal, so that no file changes a script."""
    output: Literal["table", "wide", "json", "yaml", "jsonl", "name", "csv"] = "table"
    """The format on a terminal, where no `-o` says another; a pipe always gets tab-separated lines."""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each value comes from: `default`, `$NAME`, or `file:line`."""


KEYS: dict[str, str] = {
    "tmux_socket": "tmux.socket",
    "tmux_history_limit": "tmux.history_limit",
    "deploy_timeout": "deploy.timeout",
    "machine_cpu": "machine.cpu",
    "machine_memory_reserve": "machine.memory_reserve",
    "machine_agents": "machine.agents",
    "machine_starting": "machine.starting",
    "limits_level": "limits.level",
    "notify_on": "notify.on",
    "notify_bell": "notify.bell",
    "notify_desktop": "notify.desktop",
    "notify_webhook": "notify.webhook",
    "notify_slack": "notify.slack",
    "notify_dwell": "notify.dwell",
    "notify_cooldown": "notify.cooldown",
    "notify_quiet": "notify.quiet",
    "color": "color",
    "output": "output",
}
"""Each setting's field and its key in a file; in the environment it is `AGENTCTL_` and the key in capitals."""


def variable(key: str) -> str:
    """Return the environment variable of the setting *key*."""
    return "AGENTCTL_" + key.upper().replace(".", "_")


def load_settings(folder: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in force in *folder*; raises `SpecError` with every problem of every file."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    origins = dict.fromkeys(KEYS, DEFAULT)
    for path in reversed(settings_files(folder, environ)):
        for name, (value, place) in _read(path, problems).items():
            values[name], origins[name] = value, f"{path}:{place.line}"
    if problems:
        raise SpecProblems(problems)
    for name, value in _from_environment(environ).items():
        values[name], origins[name] = value, f"${variable(KEYS[name])}"
    return Settings(**values, origins=origins)


def settings_files(folder: Path, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the files that are read, the strongest first; those that do not exist are left out."""
    near = (place / PROJECT_FILE for place in (folder, *folder.parents))
    project = next((path for path in near if path.is_file()), None)
    user = user_file(environ)
    return [path for path in (project, user) if path is not None and path.is_file()]


def user_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's own settings file, whether it exists or not."""
    return config_folder(environ) / USER_FILE


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the user's configuration: `XDG_CONFIG_HOME` everywhere, else the system's own place."""
    chosen = environ.get("XDG_CONFIG_HOME", "")
    if chosen.startswith("/"):
        return Path(chosen) / "agentctl"
    from platformdirs import user_config_path  # noqa: PLC0415  not needed where XDG names it

    return user_config_path("agentctl")


def shown(value: object) -> str:
    """Return a setting's value as it is written in a file."""
    if isinstance(value, bool):
        return str(value).lower()
    return format_duration(value) if isinstance(value, timedelta) else str(value)


def _choice(*allowed: str) -> Callable[[object], object]:
    def read(value: object) -> object:
        if value not in allowed:
            raise ValueError(f"takes one of {', '.join(allowed)}")
        return value

    return read


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write a duration with a unit, for example 2s, 15m or 1h30m")  # noqa: TRY004  shown with its place
    found = parse_duration(value)
    if not found:
        raise ValueError("has to be longer than nothing")
    return found


def _count(value: object) -> object:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _MOST_HISTORY:
        raise ValueError(f"takes a whole number from 1 to {_MOST_HISTORY}")
    return number


def _share(value: object) -> object:
    """Return a share of all cores as it is written."""
    percent = _percent(value)
    if percent is None or not 0 < percent <= 100:  # noqa: PLR2004  percent
        raise ValueError("write a share of all cores up to 100%, for example 60%")
    return value


def _reserve(value: object) -> object:
    """Return `auto`, a share of the machine's memory or a size, as it is written."""
    percent = _percent(value)
    if value == "auto" or (percent is not None and percent < 100):  # noqa: PLR2004  percent
        return value
    if not isinstance(value, str) or percent is not None:
        raise ValueError("write a share below 100% or a size, for example 10% or 1GiB, or auto")
    parse_bytes(value)
    return value


def _percent(value: object) -> float | None:
    """Return *value* in percent, None where it is no share."""
    try:
        return parse_percent(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _count_or(word: str) -> Callable[[object], object]:
    def read(value: object) -> object:
        return word if value == word else str(_count(value))

    return read


_READERS: dict[str, Callable[[object], object]] = {
    "tmux_socket": _choice("own", "default"),
    "tmux_history_limit": _count,
    "deploy_timeout": _duration,
    "machine_cpu": _share,
    "machine_memory_reserve": _reserve,
    "machine_agents": _count_or("none"),
    "machine_starting": _count_or("auto"),
    "limits_level": _choice("auto", "quota", "freezer", "signals", "nice", "watch"),
    "notify_on": reasons,
    "notify_bell": flag,
    "notify_desktop": flag,
    "notify_webhook": address,
    "notify_slack": address,
    "notify_dwell": _duration,
    "notify_cooldown": _duration,
    "notify_quiet": hours,
    "color": _choice("auto", "always", "never"),
    "output": _choice("table", "wide", "json", "yaml", "jsonl", "name", "csv"),
}


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, key in KEYS.items():
        text = environ.get(variable(key), "")
        if not text:
            continue
        try:
            values[name] = _READERS[name](text)
        except ValueError as error:
            shown_text = "…" if _READERS[name] is address else text  # it may hold most of a secret
            raise SpecError(f"{variable(key)}={shown_text}: {error}") from None
    return values


def _read(path: Path, problems: list[Problem]) -> dict[str, tuple[object, Place]]:
    try:
        source = read_source(path, str(path))
    except Unreadable as error:
        problems.append(Problem(str(path), error.line, error.column, error.message, error.hint))
        return {}
    if all(not line.strip() or line.lstrip().startswith("#") for line in source.lines):
        return {}
    return _values(source, problems)


def _values(source: Source, problems: list[Problem]) -> dict[str, tuple[object, Place]]:
    root, found = parse(source)
    problems += found
    values: dict[str, tuple[object, Place]] = {}
    names = {key: name for name, key in KEYS.items()}
    for key, value, place in _flat(root, "") if root is not None else ():
        if key not in names:
            problems.append(place.problem(f"there is no setting {quoted(key)}", did_you_mean(key, list(names))))
            continue
        secret = _READERS[names[key]] is address
        try:
            read = _READERS[names[key]](value)
            _check_place(read, source)
            values[names[key]] = (read, place)
        except ValueError as error:
            problem = place.problem(f"{key}: {error}", _NAME_IT if secret else f"it says {quoted(value)}")
            problems.append(replace(problem, source_line="") if secret else problem)
    return values


def _check_place(value: object, source: Source) -> None:
    """Raise ValueError for the address of a webhook in a project's file, which others can read."""
    if isinstance(value, Address) and value.text and not value.is_variable and source.path.name == PROJECT_FILE:
        raise ValueError("an address is a secret, and this is a project's file")


def _flat(root: Map, prefix: str) -> list[tuple[str, object, Place]]:
    """Return every value with its dotted key."""
    rows: list[tuple[str, object, Place]] = []
    for key, entry in root.entries.items():
        if isinstance(entry.value, Map):
            rows += _flat(entry.value, f"{prefix}{key}.")
        else:
            value = entry.value.value if isinstance(entry.value, Scalar) else _listed(entry.value)
            rows.append((f"{prefix}{key}", value, entry.key))
    return rows


def _listed(node: object) -> object:
    """Return a list of plain values; what holds more than those is a value that no reader takes."""
    items = node.items if isinstance(node, Sequence) else [node]
    return [item.value if isinstance(item, Scalar) else "a list" for item in items]


def as_dict(settings: Settings) -> dict[str, Any]:
    """Return the settings by key, as they are written in a file."""
    return {KEYS[f.name]: shown(getattr(settings, f.name)) for f in fields(settings) if f.name in KEYS}
