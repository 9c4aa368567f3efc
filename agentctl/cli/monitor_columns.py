"""What `monitor` shows of an agent, column by column. Light: standard library only."""

from __future__ import annotations

from agentctl.cli.asking import question
from agentctl.cli.columns import Column
from agentctl.cli.moments import so_long
from agentctl.cli.nearness import cells_of, color_of, spark
from agentctl.cli.states import word_of
from agentctl.domain.units import format_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentctl.cli.columns import Record

_CELLS, _CELL_SECONDS = 15, 4
"""A minute in the room of a word or two: with it the table fits into 80 columns."""
_AT_WORK = ("starting", "running")
_WHOLE_CORE = 100.0


def doing(row: Record) -> str:
    """Return what an agent has in hand: what it asks, the message it works on, or why it does not work at all."""
    if row.get("state") not in _AT_WORK:
        return str(row.get("evidence") or "")
    if row.get("asking"):
        return question(row["asking"])
    if row.get("paused"):
        return f"{row['paused'].get('cause')}: {row['paused'].get('reason') or 'no reason given'}"
    if row.get("brake"):
        return f"stopped at once: too {'much memory' if row['brake'] == 'memory' else 'many processes'}"
    return str(row.get("task") or "")


def _cpu(row: Record) -> str:
    used, limit = row.get("cpu_percent"), _limit(row, "cpu_percent")
    if used is None:
        return ""
    return f"{used:.0f}/{limit:g}%" if limit else f"{used:.0f}%"


def _memory(row: Record) -> str:
    """Return use and limit; the unit once where both have the same."""
    used, limit = row.get("memory_bytes"), _limit(row, "memory_bytes")
    if used is None:
        return ""
    if not limit:
        return format_bytes(used)
    words, most = format_bytes(used), format_bytes(limit)
    unit = most.lstrip("0123456789.")
    return f"{words.removesuffix(unit) if words.endswith(unit) else words}/{most}"


def _minute(row: Record) -> str:
    cells = _cells(row)
    return spark(cells, _full(row, cells)) if any(cell is not None for cell in cells) else ""


def _minute_colors(row: Record) -> list[str]:
    return [color_of(cell, _limit(row, "cpu_percent")) for cell in _cells(row)]


def _full(row: Record, cells: list[float | None]) -> float:
    """Return the value of the tallest letter: the limit, or without one a whole core, or all that was seen."""
    return _limit(row, "cpu_percent") or max([_WHOLE_CORE, *(cell for cell in cells if cell is not None)])


def _cells(row: Record) -> list[float | None]:
    return cells_of((row.get("recent") or {}).get("cpu_percent") or [], _CELLS, _CELL_SECONDS)


def _limit(row: Record, key: str) -> float | None:
    limit = (row.get("limits") or {}).get(key)
    return None if limit is None else float(limit)


def _near(key: str) -> Callable[[Record], list[str]]:
    return lambda row: [color_of(row.get(key), _limit(row, key))]


def _throttled(row: Record) -> str:
    return "" if row.get("throttled_percent") is None else f"{row['throttled_percent']:.0f}%"


def _pulse(row: Record) -> str:
    """Return the pulse that is kept, and how often it was not; nothing for an agent that has none."""
    pulse = row.get("pulse") or {}
    if not pulse.get("seconds"):
        return ""
    return f"{pulse['seconds']:g}s{f' !{broken}' if (broken := pulse.get('violations')) else ''}"


def _pulse_color(row: Record) -> list[str]:
    return ["red" if (row.get("pulse") or {}).get("violations") else ""]


def _text(key: str) -> Callable[[Record], str]:
    return lambda row: "" if row.get(key) is None else str(row[key])


COLUMNS = (
    Column("AGENT", _text("agent")),
    Column("STATE", word_of, state=True, least=9),
    Column("FOR", so_long, right=True, least=6, gives=4),
    Column("CPU", _cpu, right=True, least=7, colors=_near("cpu_percent")),
    Column("LAST MINUTE", _minute, least=_CELLS, colors=_minute_colors, gives=3),
    Column("MEM", _memory, right=True, least=10, colors=_near("memory_bytes"), gives=1),
    Column("MEM IS", _text("memory_kind"), wide=True, gives=9),
    Column("THROTTLED", _throttled, right=True, gives=5),
    Column("PULSE", _pulse, colors=_pulse_color, gives=6),
    Column("LEVEL", _text("level"), wide=True, gives=8),
    Column("PROCESSES", _text("processes"), wide=True, right=True, gives=7),
    Column("TASK", doing, folds=True, least=10, gives=2),
)
