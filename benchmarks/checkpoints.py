"""What a checkpoint of 10,000 files takes when 20 have changed, beside `git add -A && git commit` of the same.

Both in one run and in turn, each in a copy of the tree of its own; both see every file and write what has changed. The
checkpoint also looks through the lines that were added, leaves the user's index alone and is found again by its slot.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from measure import ROUNDS, interleave, report, seconds

from agentctl.domain.checkpoint import Checkpoint, Skipped
from agentctl.domain.names import AgentId
from agentctl.drivers.git.checkpoints import GitCheckpoints

FILES, CHANGED, FOLDERS = 10_000, 20, 100
AGENT = AgentId("bench/agent")
MOST_MS, MOST_SHARE = 200, 0.6


def git(tree: Path, *words: str) -> None:
    """Run the user's git as it comes, with no configuration of this machine's user."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tree.parent)}
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *identity, *words], cwd=tree, env=environ, check=True, capture_output=True)


def plant(tree: Path, files: int) -> None:
    """Make a repository of *files* modules, committed and packed as a clone has them."""
    for number in range(files):
        path = tree / f"part{number % FOLDERS:03}/module{number // FOLDERS:03}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"def work_{number}_{line}():\n    return {line}\n\n" for line in range(30)))
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "-c", "gc.auto=0", "commit", "-q", "-m", "all")  # not beside the next
    git(tree, "gc", "-q")


def editor(tree: Path) -> Callable[[], None]:
    """Return what edits the same files each time, over several folders."""
    paths = sorted(tree.glob("part*/*.py"))
    chosen = paths[:: max(1, len(paths) // CHANGED)][:CHANGED]

    def edit() -> None:
        for path in chosen:
            with path.open("a") as file:
                file.write("def more():\n    return 1\n\n")

    return edit


def checkpoint(checkpoints: GitCheckpoints, tree: Path, slot: str) -> None:
    """Do what the supervisor does, from survey to commit."""
    survey = checkpoints.survey(tree, AGENT, lambda _text: ())
    if isinstance(survey, Skipped):
        raise TypeError(survey)
    made = checkpoints.commit(survey, AGENT, slot, "work", datetime.now(UTC))
    if not isinstance(made, Checkpoint) or made.files != CHANGED:
        raise TypeError(made)


def main() -> None:
    quick = "--quick" in sys.argv
    files, rounds = (FILES // 10, 3) if quick else (FILES, 3 * ROUNDS)
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as name:
        ours, theirs = Path(name) / "ours", Path(name) / "theirs"
        for tree in (ours, theirs):
            plant(tree, files)
        checkpoints = GitCheckpoints(Path(name) / "state")
        edit_ours, edit_theirs = editor(ours), editor(theirs)
        slots = iter(range(10_000))

        def work() -> float:
            edit_ours()
            return seconds(lambda: checkpoint(checkpoints, ours, f"slot-{next(slots)}"))

        def floor() -> float:
            edit_theirs()
            return seconds(lambda: (git(theirs, "add", "-A"), git(theirs, "commit", "-q", "-m", "work")))

        mine, his = interleave(rounds, work, floor)
    goal = f"at most {MOST_MS} ms and {MOST_SHARE:g}x"
    row = (f"{files:,}", CHANGED, f"{1000 * mine:.0f} ms", f"{1000 * his:.0f} ms", f"{mine / his:.2f}x", goal)
    report("a checkpoint", ("files", "changed", "ours", "git add && git commit", "ratio", "goal"), [row])


if __name__ == "__main__":
    main()
