"""Orders and rounds between supervisor and governor: JSON, one a line. Samples are rows: there is a round a second."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from agentctl.domain.agent import Identity
from agentctl.domain.codec import decode, encode
from agentctl.domain.names import AgentId
from agentctl.domain.resources import Brake, Leash, Level, Load, Round, Sample

_ROW = attrgetter(*(field.name for field in fields(Sample)))
_LOAD = attrgetter(*(field.name for field in fields(Load)))


def pack_order(leashes: Collection[Leash], spared: Collection[Identity]) -> bytes:
    """Return what has the governor hold *leashes*, as one line."""
    return _line({"leashes": [encode(leash) for leash in leashes], "spared": [encode(one) for one in spared]})


def unpack_order(line: bytes) -> tuple[dict[AgentId, Leash], list[Identity]]:
    """Return the leashes by agent, and who is spared."""
    order = json.loads(line)
    leashes = [decode(Leash, item) for item in order["leashes"]]
    return {leash.agent: leash for leash in leashes}, [decode(Identity, item) for item in order["spared"]]


def pack_round(seen: Round) -> bytes:
    """Return *seen* as one line."""
    return _line([seen.at.isoformat(), seen.seconds, [_ROW(sample) for sample in seen.samples], _LOAD(seen.load)])


def unpack_round(line: bytes) -> Round:
    """Return the round on *line*."""
    at, seconds, rows, load = json.loads(line)
    return Round(datetime.fromisoformat(at), seconds, tuple(map(_unpack_sample, rows)), Load(*load))


def _unpack_sample(row: list[Any]) -> Sample:
    """Return the sample in *row*: its last two fields are words of ours."""
    row[-2:] = Level(row[-2]), Brake(row[-1]) if row[-1] else None
    return Sample(*row)


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
