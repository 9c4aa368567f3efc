"""What doctor looks at: one function a subject, each of which says what it saw and what to do about it."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from agentctl.cli.folder import here
from agentctl.control.client import Client
from agentctl.control.home import find_home
from agentctl.domain.errors import AgentctlError, SupervisorUnreachable
from agentctl.domain.text import safe_line
from agentctl.domain.units import format_bytes

OK, WARN, BROKEN = "ok", "warn", "broken"

_PROGRAM_SECONDS = 5.0
_LEAST_DISK_BYTES = 2**30
_LEAST_DISK_SHARE = 0.05
_OLDEST_PYTHON = (3, 11)
_SOUND_TMUX = (3, 4)
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: str
    """ok, warn or broken."""
    text: str
    hint: str = ""


def check_tmux() -> Iterator[Check]:
    """Find tmux, and know its crashes by version."""
    from agentctl.drivers.tmux.version import OLDEST, faults, probe  # noqa: PLC0415  only this check

    version = probe()
    if version < OLDEST:
        yield Check("tmux", BROKEN, f"{version} is too old", f"install tmux {OLDEST} or newer, 3.4 if you can")
        return
    yield Check(
        "tmux",
        OK if (version.major, version.minor) >= _SOUND_TMUX else WARN,
        str(version),
        "tmux 3.4 or newer is sounder",
    )
    for fault in faults(version):
        yield Check("known fault", OK, f"{fault.what}: {fault.remedy}")


def check_git() -> Iterator[Check]:
    """Find git."""
    said = _run("git", "--version")
    yield Check("git", OK, said) if said else Check("git", WARN, "not found on PATH", "install git, for checkpoints")


def check_python() -> Iterator[Check]:
    """Name the Python that runs this."""
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < _OLDEST_PYTHON:
        yield Check("python", BROKEN, text, "Python 3.11 or newer is needed")
    else:
        yield Check("python", OK, text)


def check_home() -> Iterator[Check]:
    """Check the state folder's owner, mode and links, and the space below it."""
    home = find_home()
    home.check()
    if not home.path.exists():
        yield Check("state folder", OK, f"{home.path} (not made yet)")
    elif not os.access(home.path, os.W_OK | os.X_OK):
        yield Check("state folder", BROKEN, f"{home.path} is not writable", f"run: chmod u+rwx {home.path}")
    else:
        yield Check("state folder", OK, str(home.path))
    place = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    usage = shutil.disk_usage(place)
    text = f"{format_bytes(usage.free)} free"
    if usage.free < _LEAST_DISK_BYTES or usage.free < usage.total * _LEAST_DISK_SHARE:
        yield Check("disk", WARN, text, f"make room on the disk of {place}: a full one stops the log")
    else:
        yield Check("disk", OK, text)


def check_supervisor() -> Iterator[Check]:
    """Ask the supervisor, and see what a dead one left."""
    home = find_home()
    try:
        hello = Client(home).call("hello", timeout=_ANSWER_SECONDS)
    except SupervisorUnreachable as error:
        if home.socket.exists():
            yield Check("supervisor", WARN, f"{error.message}; its socket is left", "agentctl daemon start clears it")
        else:
            yield Check("supervisor", OK, "not running; deploy starts it")
        return
    except OSError as error:
        yield Check("supervisor", BROKEN, f"cannot be asked: {error}", "agentctl daemon logs")
        return
    yield Check("supervisor", OK, f"answers, pid {hello['pid']}, version {hello['version']}")
    if hello.get("silence"):
        yield Check("tmux server", BROKEN, f"does not answer: {safe_line(hello['silence'])}", "is it stopped or stuck?")
    from agentctl import __version__  # noqa: PLC0415  only where there is something to compare

    if hello["version"] != __version__:
        hint = "agentctl daemon stop; agentctl daemon start; agents run on"
        yield Check("versions", WARN, f"supervisor {hello['version']}, command line {__version__}", hint)


def check_socket_mode() -> Iterator[Check]:
    """Check that only the owner can reach the control socket."""
    home = find_home()
    if home.socket.exists():
        mode = home.socket.stat().st_mode & 0o777
        if mode & 0o077:
            yield Check("control socket", BROKEN, f"others can reach it (mode {mode:o})", f"chmod 600 {home.socket}")
        else:
            yield Check("control socket", OK, f"mode {mode:o}")


def check_locale() -> Iterator[Check]:
    """Check that glyphs can be shown."""
    encoding = locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") == "utf8":
        yield Check("locale", OK, encoding)
    else:
        yield Check("locale", WARN, f"{encoding}: glyphs show as ?", "set LANG=C.UTF-8")


def check_runners() -> Iterator[Check]:
    """See which agent programs are installed."""
    from agentctl.runners.registry import Runners  # noqa: PLC0415  a broken manifest must not end the other checks
    from agentctl.spec.settings import config_folder  # noqa: PLC0415  as above

    runners = Runners.load(config_folder() / "runners")
    path = os.environ.get("PATH", "")
    here = [runner.name for runner in runners.coding() if runner.find(path).ok]
    if here:
        yield Check("runners", OK, f"coding agents here: {', '.join(here)}")
    else:
        looked = ", ".join(runner.name for runner in runners.coding()) or "none known"
        hint = "runner: auto takes the shell worker; install one for agents that think"
        yield Check("runners", WARN, f"no coding agent is installed (looked for {looked})", hint)


def check_limits() -> Iterator[Check]:
    """Try each way of holding agents to their limits, and read back what came of it."""
    from agentctl.cli.pace import pause  # noqa: PLC0415  only this check waits
    from agentctl.drivers.governor.probe import probe  # noqa: PLC0415  starts a process to try on

    tried = {able.what: able for able in probe(pause, _terminal_server())}
    cpu = next((able for what, able in tried.items() if what.startswith("CPU") and able.ok), None)
    if cpu is None:
        yield Check("limits", WARN, "CPU is watched and not held: no way to hold it works here")
    else:
        yield Check("limits", OK, f"{cpu.what}: {cpu.how}")
    for what, able in tried.items():
        if not what.startswith("CPU"):
            yield Check(f"limits: {what}", OK, able.how)
        elif able is not cpu:
            yield Check(f"limits: {what}", OK, f"{'works too' if able.ok else 'not here'}: {able.how}")


def _terminal_server() -> int | None:
    """Return the pid of the tmux server that the supervisor has, None where none answers."""
    try:
        hello = Client(find_home()).call("hello", timeout=_ANSWER_SECONDS)
    except (AgentctlError, OSError):  # what is wrong with it is another check's to say
        return None
    pid = hello["tmux"]["pid"]
    return int(pid) if pid is not None else None


def check_settings() -> Iterator[Check]:
    """Read the settings files."""
    from agentctl.spec.settings import load_settings, settings_files  # noqa: PLC0415  may be what is broken

    load_settings(here())
    files = settings_files(here())
    yield Check("settings", OK, ", ".join(map(str, files)) or "defaults")


def check_crash_files() -> Iterator[Check]:
    """Count the crash files."""
    crashes = sorted(find_home().logs.glob("crash-*.txt"))
    if crashes:
        yield Check("crash files", WARN, f"{len(crashes)}, the newest {crashes[-1]}", "look at it, then remove it")


def _run(*argv: str) -> str | None:
    """Return what a program says in one line, None where it is not there; raises `SubprocessError` where it hangs."""
    if shutil.which(argv[0]) is None:
        return None
    done = subprocess.run(argv, capture_output=True, timeout=_PROGRAM_SECONDS, check=False, stdin=subprocess.DEVNULL)
    return safe_line(done.stdout.decode(errors="replace"))


ALL = (
    check_tmux,
    check_git,
    check_python,
    check_home,
    check_supervisor,
    check_socket_mode,
    check_locale,
    check_settings,
    check_runners,
    check_limits,
    check_crash_files,
)
