"""The signal folders of a run folder, read without trusting what lies there."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from agentctl.domain.errors import HomeUnusable, UsageError
from agentctl.domain.names import AgentId, agent_id, is_name
from agentctl.drivers.signals.lines import Line, Place, Signal, read_line, take_lines

_FILE = re.compile(r"([1-9][0-9]{0,8})\.jsonl")
_MOST_BYTES_A_LOOK = 256 * 1024  # of one file: one agent's flood holds up nobody for longer than some milliseconds
_CHUNK_BYTES = 1024 * 1024


def signal_folder(run: Path, agent: AgentId) -> Path:
    """Return where *agent* leaves its signals below the *run* folder; raise `UsageError` for no agent's id."""
    team, _, name = agent.partition("/")
    if not (is_name(team) and is_name(name)):
        raise UsageError(f"{agent!r} is no agent's id")
    return run / "agents" / team / name / "signals"


def prepare_folder(run: Path, agent: AgentId) -> Path:
    """Make the signal folder of *agent*, for its user alone, and return it; raises `HomeUnusable`."""
    folder = signal_folder(run, agent)
    try:
        for part in (folder.parent.parent.parent, folder.parent.parent, folder.parent, folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = part.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                raise HomeUnusable(f"{part} is not a folder of yours", hint="move it away")
        folder.chmod(0o700)
    except OSError as error:
        raise HomeUnusable(f"cannot make the signal folder {folder}: {error.strerror}") from None
    return folder


class SignalReader:
    """Reads each line of each agent below *run* once.

    *offsets* says where to begin in files that an earlier life has read (`Signal.end` by agent and generation).
    *current* tells an agent's generation where that is known better than by its newest file.
    """

    def __init__(
        self,
        run: Path,
        *,
        offsets: Mapping[tuple[AgentId, int], int] | None = None,
        current: Callable[[AgentId], int] = lambda _agent: 0,
    ) -> None:
        self.folder = run / "agents"
        self.behind: set[AgentId] = set()
        """Whose files hold more than one look takes in: look again."""
        self._offsets = dict(offsets or {})
        self._current = current
        self._places: dict[tuple[AgentId, int], Place] = {}

    def read(self) -> Iterator[Signal]:
        """Yield what is new of every agent."""
        for team in _subfolders(self.folder):
            for name in _subfolders(self.folder / team):
                if is_name(team) and is_name(name):
                    yield from self.read_agent(agent_id(team, name))

    def read_agent(self, agent: AgentId) -> Iterator[Signal]:
        """Yield what is new of *agent*, oldest generation first."""
        self.behind.discard(agent)
        folder = signal_folder(self.folder.parent, agent)
        generations = sorted(_generations(folder)) if _is_folder(folder.parent) and _is_folder(folder) else []
        newest = max([self._current(agent), *generations])
        for generation in generations:
            for line in self._read_file(agent, generation, folder / f"{generation}.jsonl"):
                if line.text is None or line.text.strip():
                    kind, data = read_line(line.text)
                    yield Signal(agent, generation, line.number, kind, data, generation < newest, line.end)

    def _read_file(self, agent: AgentId, generation: int, path: Path) -> list[Line]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # gone, a link, or made unreadable by its owner, the agent
            return []
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                return []
            place = self._find_place((agent, generation), descriptor, found)
            data = os.pread(descriptor, _MOST_BYTES_A_LOOK, place.offset)
        finally:
            os.close(descriptor)
        lines = list(take_lines(place, data))
        if len(data) == _MOST_BYTES_A_LOOK:
            self.behind.add(agent)
        return lines

    def _find_place(self, key: tuple[AgentId, int], descriptor: int, found: os.stat_result) -> Place:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _resume(descriptor, found, self._offsets.pop(key, 0))
        elif place.inode != found.st_ino or place.offset > found.st_size:  # replaced or cut: its lines are new ones
            place = self._places[key] = Place(found.st_ino, number=place.number)
        return place


def _resume(descriptor: int, found: os.stat_result, offset: int) -> Place:
    """Return the place *offset* with the number of its line; the start where the file does not reach that far."""
    place = Place(found.st_ino)
    if offset > found.st_size:
        return place
    last = b"\n"
    while place.offset < offset:
        data = os.pread(descriptor, min(_CHUNK_BYTES, offset - place.offset), place.offset)
        place.number += data.count(b"\n")
        place.offset += len(data)
        last = data[-1:]
        if not data:
            return Place(found.st_ino)
    if last != b"\n":
        place.skipping = True
        place.number += 1
    return place


def _subfolders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(item.name for item in found if item.is_dir(follow_symlinks=False))
    except OSError:  # not there yet, or taken away by an agent while we look
        return []


def _generations(folder: Path) -> list[int]:
    try:
        names = os.listdir(folder)  # noqa: PTH208  names are wanted
    except OSError:
        return []
    return [int(match[1]) for match in map(_FILE.fullmatch, names) if match]


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
