"""`config`: the settings in force, and where they come from."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Annotated, Any

import typer

from agentctl.cli.columns import Column
from agentctl.cli.folder import here
from agentctl.cli.options import Format, Json, output_of
from agentctl.control.home import find_home
from agentctl.domain.errors import NotFound, UsageError
from agentctl.spec.settings import KEYS, PROJECT_FILE, as_dict, load_settings, settings_files, user_file


def _text(key: str) -> Any:  # noqa: ANN401  a reader of one key
    return lambda row: str(row[key])


_COLUMNS = (Column("SETTING", _text("name")), Column("VALUE", _text("value")))
_WITH_ORIGIN = (*_COLUMNS, Column("FROM", _text("origin"), folds=True))


def show(
    context: typer.Context,
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    form: Format = "",
    json: Json = False,
) -> int:
    """Show the settings in force.

    Flags go before AGENTCTL_* variables, then ./agentctl.yaml (found upwards), then your own file, then the defaults.
    """
    output = output_of(context, form, json=json)
    output.records("SettingList", _rows(), _WITH_ORIGIN if origin else _COLUMNS)
    return 0


def get(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="SETTING", help="The setting, for example deploy.timeout.")],
) -> int:
    """Print the value of one setting."""
    found = next((row for row in _rows() if row["name"] == key.replace("_", ".", 1) or row["name"] == key), None)
    if found is None:
        from difflib import get_close_matches  # noqa: PLC0415  only for a mistake

        near = get_close_matches(key, KEYS.values(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(KEYS.values())}"
        raise NotFound(f"there is no setting '{key}'", hint=hint)
    output_of(context).line(found["value"])
    return 0


def path(context: typer.Context) -> int:
    """Print the settings files that are read, the strongest first, and the state folder."""
    output = output_of(context)
    for file in settings_files(here()):
        output.line(str(file))
    if not user_file().is_file():
        output.say(f"there is none of your own yet; it would be {user_file()}")
    output.say(f"state is kept in {find_home().path}")
    return 0


def edit(
    context: typer.Context,
    *,
    user: Annotated[bool, typer.Option("--user", help="Your own file, not the project's.")] = False,
) -> int:
    """Open a settings file in $VISUAL or $EDITOR: the nearest project file, or your own with --user."""
    folder = here()
    near = [file for file in settings_files(folder) if file.name == PROJECT_FILE]
    target = user_file() if user else (near[0] if near else folder / PROJECT_FILE)
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("no editor is set", hint=f"set EDITOR, or open {target} yourself")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        code = subprocess.run([*shlex.split(editor), str(target)], check=False).returncode
    except OSError as error:
        raise NotFound(f"the editor cannot be started: {error.strerror}", hint="check EDITOR") from None
    if code == 0:
        load_settings(folder)
        output_of(context).say(f"{target} is in force")
    return code


def _rows() -> list[dict[str, str]]:
    settings = load_settings(here())
    values = as_dict(settings)
    return [{"name": key, "value": values[key], "origin": settings.origins[field]} for field, key in KEYS.items()]
