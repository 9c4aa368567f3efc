"""From argv to an exit code: light commands at once, all others through typer; every error ends here.

Standard library only on the way of a light command.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module

from agentctl.cli.app import BY_NAME
from agentctl.cli.call import Call, take
from agentctl.cli.interrupts import INTERRUPTED, raise_again
from agentctl.domain.errors import AgentctlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_FAULT = 70

_MACHINE_FAULTS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE}
    | {errno.ENOMEM, errno.EAGAIN}
)
"""What a full disk, a limit or a right makes of a call: for a person to mend, not for us."""


def run(argv: Sequence[str]) -> int:
    """Carry out *argv* and return the exit code; errors are words on stderr."""
    _prepare_streams()
    call = Call()
    try:
        call, words = take(argv)
        code = _dispatch(words, call)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more()
        return 0
    except AgentctlError as error:
        code = _tell(error, call)
    except OSError as error:
        if error.errno not in _MACHINE_FAULTS:
            return _crash(error, argv, call)
        code = _tell(_of_the_machine(error), call)
        _write_no_more()
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)
    except Exception as error:  # noqa: BLE001  the last net: whatever nobody foresaw becomes a crash file
        return _interrupted() if _is_interrupt(error) else _crash(error, argv, call)
    return code


def _interrupted(interrupt: KeyboardInterrupt | None = None) -> int:
    print(f"interrupted: {interrupt}" if interrupt and interrupt.args else "interrupted", file=sys.stderr)  # noqa: T201
    return INTERRUPTED


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C stands behind *error*: pydantic, met while it builds its models, wraps it in words."""
    while error is not None:
        words = str(error).rstrip().rpartition("\n")[2].strip()
        if isinstance(error, KeyboardInterrupt) or words.startswith("KeyboardInterrupt"):
            return True
        error = error.__cause__ or error.__context__
    return False


def _dispatch(words: list[str], call: Call) -> int:
    if "_AGENTCTL_COMPLETE" in os.environ:
        return int(import_module("agentctl.cli.complete").answer())
    row = BY_NAME.get(words[0]) if words else None
    if row is not None and row.light:
        from agentctl.cli.flags import read  # noqa: PLC0415  only these commands need it

        module = import_module(f"agentctl.cli.{row.code}")
        values = read(words[1:], module.SHAPE)
        if values is not None:
            raise_again()
            return int(module.run(values, call))
    if words == ["--version"]:
        words = ["version"]
    return int(import_module("agentctl.cli.tree").run(words, call))


def _tell(error: AgentctlError, call: Call) -> int:
    from agentctl.cli.color import paint, wanted  # noqa: PLC0415  only where something went wrong
    from agentctl.domain.text import safe_text  # noqa: PLC0415

    color = wanted(sys.stderr, call.color)
    render = getattr(error, "render", None)
    if render is not None:
        lines = [str(render(color))]
    else:
        lines = [f"{paint('error:', 'red', on=color)} {safe_text(error.message)}"]
    if error.hint and render is None:
        lines.append(f"{paint('hint:', 'cyan', on=color)} {safe_text(error.hint)}")
    _say(lines)
    if call.debug:
        _say_traceback()
    if error.exit_code == OWN_FAULT:
        return _crash(error, sys.argv[1:], call)
    return error.exit_code


def _crash(error: BaseException, argv: Sequence[str], call: Call) -> int:
    from agentctl.cli.crash import write_crash_file  # noqa: PLC0415  only where something went wrong

    if call.debug:
        _say_traceback()
    where = write_crash_file(error, argv)
    kept = f"what is needed to mend it is in {where}" if where else "and its crash file could not be written"
    _say([f"error: agentctl made a mistake ({type(error).__name__}); {kept}", "hint: agentctl doctor"])
    return OWN_FAULT


def _say(lines: Sequence[str]) -> None:
    try:
        print(*lines, sep="\n", file=sys.stderr)  # noqa: T201  words for a person
    except OSError:
        return  # nobody can be told where stderr is gone or full


def _say_traceback() -> None:
    import traceback  # noqa: PLC0415  only with --debug

    traceback.print_exc()


def _of_the_machine(error: OSError) -> AgentctlError:
    where = f" ({error.filename})" if error.filename else ""
    return AgentctlError(f"the system says: {error.strerror}{where}", hint="agentctl doctor; --debug shows where")


def _prepare_streams() -> None:
    """Make output never fail on a letter, and give a caller that closed a stream one that leads nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  lives as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _write_no_more() -> None:
    """Put something in the place of stdout, so that the interpreter's own flush at exit finds no fault."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
