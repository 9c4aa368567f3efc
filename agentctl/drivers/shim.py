"""The pane's process: claims its launch file and starts the agent below a small non-interactive shell.

Run as a script with `-I -S`, so it imports nothing of agentctl and little else: it stands between every agent and its
start. It must be no interactive shell (that would take the terminal from a frozen agent) and not the agent itself (tmux
continues a stopped pane process at once); and a shell is a tenth of the memory of a Python that waits.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` itself brings enum along: 3 ms for each agent
import os
import sys

REFUSED = 125
"""Exit code where this generation has started before."""
UNUSABLE = 126
"""Exit code where the folder or the program cannot be used."""
MISSING = 127
"""Exit code where there is no such program."""

# Two shells. When the window is closed the kernel tells only the pane's process (HUP); the agent hears of it because
# that process, the outer shell, dies of it, and then the inner one is there still to note the agent's real end.
OUTER = """trap : INT QUIT TERM
"$@"
exit "$?"
"""
# $0 is where the exit code goes; before the agent runs no variable is set, because it would inherit it. A trapped
# signal is back at its default in the agent, and the shell waits on.
INNER = """trap : INT QUIT TERM HUP
"$@"
code=$?
umask 077
printf '%d\\n' "$code" >"$0.new" && /bin/mv -f "$0.new" "$0"
exit "$code"
"""

_PR_SET_CHILD_SUBREAPER = 36


def main(path: str) -> int:
    """Become the agent's parent shell; return an exit code only where that is not possible."""
    folder, _, name = path.rpartition("/")
    generation = name.rpartition(".")[2]
    try:
        items = _claim(path, f"{folder}/started.{generation}")
    except OSError as fault:
        _say(f"generation {generation} has started before or was withdrawn ({fault.strerror})")
        return REFUSED
    if generation != "1":
        _say(f"generation {generation}")  # the line below which a screen is this one's: see `launch.own_words`
    exit_file = f"{folder}/exit.{generation}"
    cwd, count = items[0], int(items[1])
    environ = dict(item.split(b"=", 1) for item in items[2 : 2 + count])
    argv = items[2 + count :]
    environ[b"TERM"] = os.environb.get(b"TERM", b"screen")
    code = _enter(cwd) or _resolve(argv, environ) or _become(exit_file, argv, environ)
    _note(exit_file, code)
    return code


def _claim(path: str, claim: str) -> list[bytes]:
    """Return the launch file's items and delete it; raise OSError where somebody claimed it before."""
    with open(path, "rb") as file:  # noqa: PTH123  pathlib costs 5 ms here
        data = file.read()
    os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    os.unlink(path)  # noqa: PTH108
    return data.split(b"\0")[:-1]


def _enter(cwd: bytes) -> int:
    """Go to the agent's folder, never to another."""
    try:
        os.chdir(cwd)
    except OSError as fault:
        _say(f"cannot start in {os.fsdecode(cwd)!r}: {fault.strerror}")
        return UNUSABLE
    return 0


def _resolve(argv: list[bytes], environ: dict[bytes, bytes]) -> int:
    """Put the program's full path in *argv*, so that no word of the shell's own is taken for it."""
    program = argv[0]
    folders = environ.get(b"PATH", os.defpath.encode()).split(b":")
    candidates = [program] if b"/" in program else [os.path.join(folder or b".", program) for folder in folders]  # noqa: PTH118
    found = [candidate for candidate in candidates if os.path.isfile(candidate)]  # noqa: PTH113
    usable = next((candidate for candidate in found if os.access(candidate, os.X_OK)), None)
    if usable is None:
        what = "it may not be run" if found else "there is no such program"
        _say(f"cannot start {os.fsdecode(program)!r}: {what}")
        return UNUSABLE if found else MISSING
    argv[0] = usable if b"/" in usable else b"./" + usable
    return 0


def _become(exit_file: str, argv: list[bytes], environ: dict[bytes, bytes]) -> int:
    """Turn into the shell that runs *argv*; return an exit code only where the system refuses."""
    _adopt_orphans()
    for number in range(1, _signal.NSIG):
        if _signal.getsignal(number) == _signal.SIG_IGN:  # Python ignores SIGPIPE, and that would be inherited
            _signal.signal(number, _signal.SIG_DFL)
    try:
        words: list[str | bytes] = ["sh", "-c", OUTER, "agentctl", "/bin/sh", "-c", INNER, exit_file, *argv]
        os.execve("/bin/sh", words, environ)  # noqa: S606  the script is fixed
    except OSError as fault:
        _say(f"cannot start {os.fsdecode(argv[0])!r}: {fault.strerror}")
    return UNUSABLE


def _adopt_orphans() -> None:
    """Become the parent of daemons that the agent leaves behind, where the system has such a thing (Linux)."""
    if sys.platform != "linux":
        return
    try:
        import ctypes  # noqa: PLC0415  not every Python has it

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def _note(exit_file: str, code: int) -> None:
    descriptor = os.open(f"{exit_file}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    os.write(descriptor, b"%d\n" % code)
    os.close(descriptor)
    os.replace(f"{exit_file}.new", exit_file)  # noqa: PTH105


def _say(words: str) -> None:
    sys.stderr.write(f"agentctl: {words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
