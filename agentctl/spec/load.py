"""The way in: a team file to a `TeamSpec`, or every problem with it at once.

Nothing is started, written or run here; a file of a normal size takes a few milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agentctl.domain.team import TeamSpec
from agentctl.spec.extends import read_tree
from agentctl.spec.nodes import Mapping as Map
from agentctl.spec.problems import Problem, SpecProblems, in_order
from agentctl.spec.programs import Programs
from agentctl.spec.variables import Substitution


def load_team(path: Path, *, variables: Mapping[str, str], runners: Programs, folder: Path | None = None) -> TeamSpec:
    """Return the team of the file *path*; raise `SpecProblems` with everything that is wrong with it.

    *variables* is the caller's environment, *runners* what is known of each runner, *folder* where the command was
    given (default: the working directory).
    """
    team, problems = check_team(path, variables=variables, runners=runners, folder=folder)
    if team is None or problems:
        raise SpecProblems(problems)
    return team


def check_team(
    path: Path, *, variables: Mapping[str, str], runners: Programs, folder: Path | None = None
) -> tuple[TeamSpec | None, list[Problem]]:
    """Return the team of the file *path* and no problem, or None and all problems in the order of lines."""
    caller = folder or Path.cwd()
    tree, problems = _read(path, variables, caller)
    if tree is None:
        return None, in_order(problems)
    team, problems = _understand(tree, variables, runners, caller, problems)
    problems = in_order(problems)
    return (None if problems else team), problems


def resolved_document(path: Path, *, variables: Mapping[str, str], folder: Path | None = None) -> str:
    """Return the file *path* with all it extends as one YAML text, with a comment where each line comes from.

    Raises `SpecProblems` where the files cannot be read; values that look like keys are masked.
    """
    from agentctl.spec.merged import write  # noqa: PLC0415  only `validate --resolved` wants it

    tree, problems = _read(path, variables, folder or Path.cwd())
    if tree is None or problems:
        raise SpecProblems(problems)
    return write(tree)


def find_team(name_or_path: str, folder: Path) -> Path:
    """Return the team file that is meant by *name_or_path* in *folder*; raise `NotFound` with what is near."""
    from agentctl.spec.search import find  # noqa: PLC0415  kept apart: it knows nothing of YAML

    return find(name_or_path, folder)


def _read(path: Path, variables: Mapping[str, str], caller: Path) -> tuple[Map | None, list[Problem]]:
    path = caller / path
    tree, problems = read_tree(path, _shown(path, caller))
    if tree is None:
        return None, problems
    substitution = Substitution(variables)
    filled = substitution.apply(tree)
    assert isinstance(filled, Map)  # noqa: S101  a map stays one
    return filled, [*problems, *substitution.problems]


def _understand(
    tree: Map, variables: Mapping[str, str], runners: Programs, caller: Path, faults: list[Problem]
) -> tuple[TeamSpec | None, list[Problem]]:
    # pydantic is imported only for a file that could be read at all.
    from agentctl.spec.document import Document  # noqa: PLC0415
    from agentctl.spec.references import check_references  # noqa: PLC0415
    from agentctl.spec.resolve import resolve  # noqa: PLC0415
    from agentctl.spec.roster import Load  # noqa: PLC0415
    from agentctl.spec.validate import filled_out, validate  # noqa: PLC0415

    tree, empty = filled_out(tree)
    document, kept, found = validate(Document, tree)
    problems = [*faults, *_new([*found, *empty], faults)]
    if not isinstance(kept, Map):
        return None, problems
    problems += _new(check_references(tree, kept, runners, [Path(os.path.realpath(caller))]), problems)
    if document is None:
        return None, problems
    load = Load(document, kept, variables, caller, runners)
    agents = tree.get("agents")
    team = resolve(load, frozenset(agents.entries if isinstance(agents, Map) else ()))
    return team, [*problems, *_new(load.problems, problems)]


def _new(later: list[Problem], known: list[Problem]) -> list[Problem]:
    """Return *later* without what stands at the place of a known problem: it follows from that, or is the same."""
    places = {(problem.file, problem.line, problem.column) for problem in known}
    return [problem for problem in later if (problem.file, problem.line, problem.column) not in places]


def _shown(path: Path, caller: Path) -> str:
    text = os.path.normpath(path)
    inside = text.startswith(os.path.join(caller, ""))  # noqa: PTH118  text
    return os.path.relpath(text, caller) if inside else text
