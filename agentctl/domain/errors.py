"""Everything agentctl raises on purpose.

AgentctlError                    1   base: shown as one line with the next step, never a traceback
  UsageError                     2   the command line asks for something that makes no sense
  SpecError                      3   a team file or the configuration is wrong (all problems at once)
  NotFound                       4   no such team, agent or message
    Ambiguous                    4   more than one where one is asked for
  Unreachable                    5   no answer: nothing is known, which is not "nothing is there"
    SupervisorUnreachable        5
    TerminalUnreachable          5   tmux did not answer within its deadline
    HomeUnusable                 5   the state folder cannot be used safely
  TimedOut                       6
  PartlyDone                     7
  PersonNeeded                   8   a confirmation or an approval is missing
  Refused                        9   a limit or a policy says no
  StoreError                     1
    Conflict                     1   somebody else appended to the stream first
    Damaged                      1   the log is not what was written
  TerminalError                  1   tmux answered: no
  IllegalMove                   70   our own mistake: a crash file is wanted
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class AgentctlError(Exception):
    """A fault that a person can act on: one line that says what, and one that says what next."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AgentctlError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class SpecError(AgentctlError):
    """A team file or the configuration is wrong; nothing was started."""

    exit_code = 3


class NotFound(AgentctlError):
    """There is no such team, agent, message or file."""

    exit_code = 4


class Ambiguous(NotFound):
    """A name fits several where exactly one is asked for."""


class Unreachable(AgentctlError):
    """Something did not answer, so nothing is known about it."""

    exit_code = 5


class SupervisorUnreachable(Unreachable):
    """No supervisor answers on the control socket."""


class TerminalUnreachable(Unreachable):
    """tmux did not answer within its deadline."""


class HomeUnusable(Unreachable):
    """The state folder cannot be used safely: wrong owner, mode, a symlink, read-only or full."""


class TimedOut(AgentctlError):
    """What was waited for did not come in time."""

    exit_code = 6


class PartlyDone(AgentctlError):
    """Some of it worked; the message names what did not."""

    exit_code = 7


class PersonNeeded(AgentctlError):
    """A confirmation or an approval is missing."""

    exit_code = 8


class Refused(AgentctlError):
    """A limit, a right or a policy says no."""

    exit_code = 9


class StoreError(AgentctlError):
    """The log could not be read or written."""


class Conflict(StoreError):
    """The stream is not at the version the writer thought it was."""


class Damaged(StoreError):
    """The log is not what was written."""


class TerminalError(AgentctlError):
    """tmux answered, and the answer was no."""


class IllegalMove(AgentctlError):
    """A state was to move where its table of moves has no way."""

    exit_code = 70
