"""The state folder: where it is, what lies where in it, and whether it is safe to use.

Every call of an agent or a hook comes through here, so what is slow to import is imported where it is used.
"""

from __future__ import annotations

import os
import stat

from agentctl.domain.errors import HomeUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Home:
    """One user's state folder; everything of one supervisor is below it."""

    __slots__ = ("_path", "chosen")

    def __init__(self, path: str | os.PathLike[str], *, chosen: bool = False) -> None:
        """Take *path*, absolute; *chosen* where `AGENTCTL_HOME` names it: then its tmux server has its own name."""
        self._path = os.fspath(path)
        self.chosen = chosen

    @property
    def path(self) -> Path:
        """Return the folder itself."""
        from pathlib import Path  # noqa: PLC0415  slow to import

        return Path(self._path)

    @property
    def id(self) -> str:
        """Return the short hash that marks what belongs to this home."""
        import hashlib  # noqa: PLC0415  slow to import

        return hashlib.sha256(os.fsencode(self._path)).hexdigest()[:8]

    @property
    def tmux_socket(self) -> str:
        """Return the name of the tmux server that the teams are on, for `tmux -L`."""
        try:
            return self.tmux_note.read_text().strip() or self.own_tmux_socket
        except OSError:
            return self.own_tmux_socket

    @property
    def own_tmux_socket(self) -> str:
        """Return the name of a tmux server that is ours alone."""
        return f"agentctl-{self.id}" if self.chosen else "agentctl"

    @property
    def tmux_note(self) -> Path:
        """Return the file in which the supervisor notes which tmux server it took."""
        return self.run / "tmux"

    @property
    def address(self) -> str:
        """Return the path of the control socket."""
        return f"{self._path}/run/control.sock"

    @property
    def run(self) -> Path:
        """Return the folder of what lives only while something runs: socket, lock, agents' folders."""
        return self.path / "run"

    @property
    def socket(self) -> Path:
        """Return the control socket as a path."""
        return self.path / "run" / "control.sock"

    @property
    def lock(self) -> Path:
        """Return the file whose lock the one supervisor holds."""
        return self.run / "supervisor.lock"

    @property
    def pid_file(self) -> Path:
        """Return the file that names the supervisor: pid, start ticks and boot id."""
        return self.run / "supervisor.pid"

    @property
    def stay_down(self) -> Path:
        """Return the note that a person wants no supervisor; gone as soon as one is started."""
        return self.run / "stay-down"

    @property
    def ticked(self) -> Path:
        """Return the file whose lock a tick holds, and whose time is when the last one ended."""
        return self.run / "tick.lock"

    @property
    def frozen(self) -> Path:
        """Return the governor's table of processes that stand still."""
        return self.run / "frozen"

    @property
    def log(self) -> Path:
        """Return the event log."""
        return self.path / "log.db"

    @property
    def samples(self) -> Path:
        """Return the file of figures: what agents took of the machine."""
        return self.path / "samples.db"

    @property
    def git(self) -> Path:
        """Return the folder of our own git directories, from which checkpoints are made."""
        return self.path / "git"

    @property
    def logs(self) -> Path:
        """Return the folder of text logs and crash files."""
        return self.path / "logs"

    def keep_down(self) -> None:
        """Note that a person wants no supervisor. A disk that takes no note keeps nobody from ending one."""
        try:
            self.stay_down.touch(mode=0o600)
        except OSError:
            return

    def prepare(self) -> None:
        """Make the folders where they are missing and check that nobody else can reach into them.

        Raises `HomeUnusable` with the command to run.
        """
        for folder in (self.path, self.run, self.logs):
            _prepare_folder(folder)

    def check(self) -> None:
        """Check the folders that are there, making none; raises `HomeUnusable`."""
        for folder in (self.path, self.run):
            if folder.exists() or folder.is_symlink():
                _check_folder(folder)


def find_home(environ: Mapping[str, str] = os.environ) -> Home:
    """Return the home that *environ* asks for: `AGENTCTL_HOME`, else `agentctl` in the XDG state folder."""
    default = _default_home(environ)
    named = environ.get("AGENTCTL_HOME", "")
    if not named:
        return Home(default)
    path = os.path.realpath(os.path.expanduser(named))  # noqa: PTH111  HOME may be unset: no exception wanted
    return Home(path, chosen=path != default)


def _default_home(environ: Mapping[str, str]) -> str:
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return f"{os.path.realpath(state)}/agentctl"
    user = environ.get("HOME", "") or _home_of_uid()
    return f"{os.path.realpath(user)}/.local/state/agentctl"


def _home_of_uid() -> str:
    import pwd  # noqa: PLC0415  only where HOME is unset

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise HomeUnusable(
            "HOME is not set and this user has no home folder", hint="set AGENTCTL_HOME to a folder of yours"
        ) from None


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(
            f"cannot make the state folder {folder}: {error.strerror}",
            hint="make it writable, or set AGENTCTL_HOME to a folder that is",
        ) from None
    _check_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise HomeUnusable(f"the state folder {folder} is not writable", hint=f"run: chmod u+rwx {folder}")


def _check_folder(folder: Path) -> None:
    try:
        found = folder.lstat()
    except OSError as error:
        raise HomeUnusable(f"cannot look at the state folder {folder}: {error.strerror}") from None
    if stat.S_ISLNK(found.st_mode):
        raise HomeUnusable(f"the state folder {folder} is a symbolic link", hint="point AGENTCTL_HOME at its target")
    if not stat.S_ISDIR(found.st_mode):
        raise HomeUnusable(f"{folder} is not a folder", hint="move it away, or set AGENTCTL_HOME")
    if found.st_uid != os.getuid():
        raise HomeUnusable(
            f"the state folder {folder} belongs to another user (uid {found.st_uid})",
            hint="set AGENTCTL_HOME to a folder of yours",
        )
    if found.st_mode & 0o077:
        raise HomeUnusable(f"others can reach into the state folder {folder}", hint=f"run: chmod 700 {folder}")
