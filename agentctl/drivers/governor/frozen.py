"""The table of what stands still: written before each stop, read by whoever has to undo it.

A file mapped into memory: it outlives the governor and its guardian, whatever signal they die of, and costs a memory
write. A new governor makes a new file, so an old guardian never undoes what a new one does.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path

from agentctl.domain.agent import Identity

_SLOT = struct.Struct("<QQ")
_HEADER = struct.Struct("<64sQQ")
_SLOTS = 8192
_BYTES = _HEADER.size + _SLOTS * _SLOT.size
_BEATS_AT, _ARMED_AT = 64, 72
_NUMBER = struct.Struct("<Q")


class FrozenTable:
    """Who was stopped: slots of pid and start time, of one boot; and how often the governor's heart has beaten."""

    def __init__(self, memory: mmap.mmap) -> None:
        """Write into *memory*, which is empty but for its head."""
        self._memory = memory
        self._free = list(range(_SLOTS - 1, -1, -1))
        self._places: dict[Identity, int] = {}

    @classmethod
    def make(cls, path: Path, boot: str) -> FrozenTable:
        """Make an empty table in the place of whatever is at *path*; in memory only where no file can be made."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return cls(_headed(mmap.mmap(-1, _BYTES), boot))
        try:
            _reserve(descriptor)
            return cls(_headed(mmap.mmap(descriptor, _BYTES), boot))
        except OSError:  # the disk is full: a hole in the file would kill us at the first write
            return cls(_headed(mmap.mmap(-1, _BYTES), boot))
        finally:
            os.close(descriptor)

    @property
    def room(self) -> bool:
        """Tell whether one more can be stopped."""
        return bool(self._free)

    def add(self, process: Identity) -> None:
        """Note that *process* is about to be stopped."""
        if process not in self._places:
            place = self._places[process] = self._free.pop()
            _SLOT.pack_into(self._memory, _HEADER.size + place * _SLOT.size, process.pid, process.start_ticks)

    def remove(self, process: Identity) -> None:
        """Note that *process* runs again, or is gone."""
        place = self._places.pop(process, None)
        if place is not None:
            _SLOT.pack_into(self._memory, _HEADER.size + place * _SLOT.size, 0, 0)
            self._free.append(place)

    def holds(self, process: Identity) -> bool:
        """Tell whether *process* stands still because of us."""
        return process in self._places

    def __len__(self) -> int:
        return len(self._places)

    def beat(self) -> None:
        """Tell the guardian that the governor goes on."""
        _NUMBER.pack_into(self._memory, _BEATS_AT, self.beats + 1)

    @property
    def beats(self) -> int:
        """Return how often the governor's heart has beaten."""
        return int(_NUMBER.unpack_from(self._memory, _BEATS_AT)[0])

    @property
    def armed(self) -> bool:
        """Tell whether the guardian looks at the heart: it sleeps while nothing stands still."""
        return bool(_NUMBER.unpack_from(self._memory, _ARMED_AT)[0])

    @armed.setter
    def armed(self, on: bool) -> None:
        _NUMBER.pack_into(self._memory, _ARMED_AT, int(on))

    def listed(self, boot: str) -> list[Identity]:
        """Return everything that the table says stands still, whoever wrote it."""
        return _slots(self._memory[:], boot)


def left_behind(path: Path, boot: str) -> list[Identity]:
    """Return what a table at *path* of this *boot* says stands still; what is no table of ours says nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        data = os.read(descriptor, _BYTES)
    except OSError:
        return []
    finally:
        os.close(descriptor)
    if len(data) != _BYTES or _HEADER.unpack_from(data)[0].rstrip(b"\0") != boot.encode()[:64]:
        return []
    return _slots(data, boot)


def _slots(data: bytes, boot: str) -> list[Identity]:
    return [Identity(boot, pid, start) for pid, start in _SLOT.iter_unpack(data[_HEADER.size :]) if pid]


def _headed(memory: mmap.mmap, boot: str) -> mmap.mmap:
    _HEADER.pack_into(memory, 0, boot.encode()[:64], 0, 0)
    return memory


def _reserve(descriptor: int) -> None:
    """Take the room on the disk now."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, _BYTES)
    else:
        os.write(descriptor, bytes(_BYTES))
