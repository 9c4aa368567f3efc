"""`init`: write a first team file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.call import Call
from agentctl.cli.confirm import ask, asks
from agentctl.cli.folder import here
from agentctl.cli.options import call_of, output_of
from agentctl.cli.output import Output, to_json
from agentctl.domain.errors import NotFound, Refused, UsageError
from agentctl.domain.names import NAME_RULE, is_name

SCHEMA = Path(".agentctl") / "team.schema.json"
_POINTER = "# yaml-language-server: $schema=../.agentctl/team.schema.json"
_NAME_LINE = "name:"


def init(
    context: typer.Context,
    *,
    template: Annotated[
        str, typer.Option("--template", "-t", metavar="minimal|web|fullstack", help="What to begin with.")
    ] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The team's name.")] = "",
) -> int:
    """Write teams/NAME.yaml, ready to deploy, and the schema that editors check it by. Never writes over a file.

    On a terminal it asks what was not said by a flag.
    """
    output, call = output_of(context), call_of(context)
    templates = _templates()
    kind = template or _question("What is it", "minimal", call, lambda text: text in templates, ", ".join(templates))
    if kind not in templates:
        raise NotFound(f"there is no template '{kind}'", hint=f"there are: {', '.join(templates)}")
    team = name or _question("The team's name", _default_name(), call, is_name, NAME_RULE)
    if not is_name(team):
        raise UsageError(f"'{team}' cannot be a team's name", hint=NAME_RULE)
    target = Path("teams") / f"{team}.yaml"
    if target.exists() or target.is_symlink():
        raise Refused(f"{target} is there already and is left as it is", hint="choose another --name")
    _write(target, _named(templates[kind].read_text(encoding="utf-8"), team), output)
    _write_schema(output)
    output.say(f"Next: agentctl plan {team}   then: agentctl deploy {team}")
    return 0


def _templates() -> dict[str, Path]:
    from agentctl.spec.bundled import templates_dir  # noqa: PLC0415  beside the loader

    folder = Path(str(templates_dir())) / "init"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _question(words: str, default: str, call: Call, fits: Callable[[str], bool], rule: str) -> str:
    if not asks(call):
        return default
    while True:
        answer = ask(f"{words}? ({rule}) [{default}] ") or default
        if fits(answer):
            return answer
        sys.stderr.write(f"'{answer}' does not do: {rule}\n")


def _default_name() -> str:
    name = here().name.lower()
    return name if is_name(name) else "team"


def _named(text: str, team: str) -> str:
    """Return the template with its schema pointer in the first line and the team's name in its `name:` line."""
    lines = [line for line in text.splitlines() if "yaml-language-server" not in line]
    at = next((i for i, line in enumerate(lines) if line.startswith(_NAME_LINE)), None)
    if at is None:
        lines.insert(0, f"{_NAME_LINE} {team}")
    else:
        comment = lines[at].partition("#")[2]
        lines[at] = f"{_NAME_LINE} {team}" + (f"  #{comment}" if comment else "")
    return "\n".join([_POINTER, *lines]) + "\n"


def _write(path: Path, text: str, output: Output) -> None:
    """Write a new file; where one has come into being meanwhile, it stays as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "w") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(f"{path} is there already and is left as it is") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from None
    output.line(f"wrote {path}")


def _write_schema(output: Output) -> None:
    from agentctl.spec.schema import team_schema  # noqa: PLC0415  loads pydantic

    text = to_json(team_schema()) + "\n"
    if SCHEMA.is_file() and SCHEMA.read_text(encoding="utf-8") == text:
        return
    if SCHEMA.exists():
        output.say(f"{SCHEMA} is there already and is left as it is; agentctl schema prints the present one", "yellow")
        return
    _write(SCHEMA, text, output)
