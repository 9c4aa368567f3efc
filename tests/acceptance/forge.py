"""One process with the code of all commands loaded, and a fork of it for each command: loading is most of their CPU.

A command still is a process with its own session, environment, folder and streams. How the executable starts, and
what its environment or a signal does to it, is tested with a start as a person makes it: `Stage.spawn`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_ROOT = Path(__file__).parents[2]
_LARGEST = 1 << 17
"""Bytes of one order; a socket of packets takes some more."""


class Forge:
    """The process that forks, seen from the tests of one pytest worker."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            argv = [sys.executable, "-m", "tests.acceptance.forge", str(theirs.fileno())]
            env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
            self._process = subprocess.Popen(argv, env=env, cwd=_ROOT, pass_fds=[theirs.fileno()])

    def run(
        self, words: Sequence[str], env: Mapping[str, str], cwd: Path, seconds: float
    ) -> tuple[int, bytes, bytes] | None:
        """Run a command to its end; return its exit code and what it said, None where it takes too long."""
        order = json.dumps({"words": words, "env": env, "cwd": str(cwd)}).encode()
        assert len(order) <= _LARGEST, "a text that long is sent from a file"
        out, err = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._channel, [order], [out[1], err[1]])
        finally:
            os.close(out[1])
            os.close(err[1])
        pid = int(self._hear(seconds))
        said = _read((out[0], err[0]), seconds)
        if said is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(int(self._hear(seconds)))
        return None if said is None else (code, *said)

    def _hear(self, seconds: float) -> bytes:
        self._channel.settimeout(seconds)
        said = self._channel.recv(_LARGEST)
        assert said, "the process that forks is gone"
        return said

    def close(self) -> None:
        """End the process."""
        self._channel.close()
        self._process.wait(10)


def _read(descriptors: tuple[int, int], seconds: float) -> tuple[bytes, bytes] | None:
    """Return what comes out of both pipes until nobody has them open; None where that takes too long."""
    said = {descriptor: bytearray() for descriptor in descriptors}
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(deadline - time.monotonic()):
                data = os.read(key.fd, 1 << 16)
                said[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
        late = bool(selector.get_map())
    for descriptor in descriptors:
        os.close(descriptor)
    return None if late else (bytes(said[descriptors[0]]), bytes(said[descriptors[1]]))


# --- in the process that forks ---


def serve(channel: socket.socket) -> None:
    """Fork for each order; say the pid, and when it has ended, how."""
    _load()
    while True:
        order, descriptors, _, _ = socket.recv_fds(channel, _LARGEST, 2)
        if not order:
            return
        pid = os.fork()
        if not pid:
            channel.close()
            _become(json.loads(order), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(str(pid).encode())
        channel.send(str(os.waitpid(pid, 0)[1]).encode())


def _load() -> None:
    from agentctl.cli.app import COMMANDS  # noqa: PLC0415  only this process needs it

    for name in ("agentctl.cli.entry", "agentctl.spec.document", "agentctl.spec.load", "agentctl.control.client"):
        import_module(name)
    for row in COMMANDS:
        import_module(f"agentctl.cli.{row.code.partition(':')[0]}")


def _become(order: Mapping[str, object], descriptors: Sequence[int]) -> NoReturn:
    """Be the command, as far as a process can be made another one without a new program."""
    from agentctl.__main__ import main  # noqa: PLC0415  as above

    code = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((nothing, *descriptors)):
            os.dup2(descriptor, number)
        os.closerange(3, 256)
        os.chdir(str(order["cwd"]))
        os.environ.clear()
        os.environ.update(order["env"])  # type: ignore[call-overload]
        sys.argv = ["agentctl", *order["words"]]  # type: ignore[misc]
        sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as the interpreter does
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _stream(descriptor: int, mode: str) -> io.TextIOWrapper:
    errors = "backslashreplace" if descriptor == 2 else "surrogateescape"
    return open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)  # type: ignore[return-value]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
