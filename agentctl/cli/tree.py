"""The commands as typer has them, each made only when it is asked for, so that none pays for another's imports."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer

# typer carries its own copy of click and names it nowhere in public; it is there in every release that is allowed.
from typer._click.exceptions import ClickException, NoArgsIsHelpError
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup

from agentctl.cli.app import BY_NAME, COMMANDS, GROUPS, PANELS, Row
from agentctl.cli.call import GLOBAL_FLAGS, Call
from agentctl.cli.flags import Shape
from agentctl.cli.interrupts import raise_again
from agentctl.domain.errors import UsageError

PROGRAM = "agentctl"
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def run(words: Sequence[str], call: Call) -> int:
    """Carry out *words*; raises `UsageError` where they make no sense."""
    try:
        # not `main`, which swallows Ctrl-C and makes a failure of a reader that left
        with root().make_context(PROGRAM, list(words), obj=call) as context:
            code = context.command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except NoArgsIsHelpError as error:
        typer.echo(error.message)
        return 0 if not words else UsageError.exit_code
    except ClickException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", PROGRAM)
        raise UsageError(error.format_message(), hint=f"{where} --help") from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def root() -> TyperGroup:
    """Return the whole tree; nothing below its first level is loaded."""
    return Group(name=PROGRAM, help="Teams of coding agents in tmux: deployed from YAML, held, watched, never lost.")


class Command(TyperCommand):
    """One command; its examples stand at the end of its help as they are typed."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  click's signature
        """Run it: all of its code is loaded."""
        raise_again()
        return super().invoke(ctx)

    def format_epilog(self, ctx: Any, formatter: HelpFormatter) -> None:  # noqa: ANN401  click's signature
        """Write the examples."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"  {line}\n")


class Group(TyperGroup):
    """The root, or one group of commands, read from the table."""

    def __init__(self, *, name: str, help: str) -> None:  # noqa: A002  click's name for it
        super().__init__(name=name, help=help, rich_markup_mode=None, no_args_is_help=True, context_settings=_SETTINGS)
        self._prefix = "" if name == PROGRAM else f"{name} "

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  click's signature
        """Return the names below this group, in the table's order."""
        below = [row.name.removeprefix(self._prefix) for row in COMMANDS if row.name.startswith(self._prefix)]
        return list(dict.fromkeys(name.split()[0] for name in below))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401  click's signature
        """Load and return one command, None where there is none."""
        name = f"{self._prefix}{cmd_name}"
        if not self._prefix and name in GROUPS:
            return Group(name=name, help=GROUPS[name][1])
        row = BY_NAME.get(name)
        return None if row is None else build(row)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  click's signature
        """Find the command that *args* begin with, or say which was meant."""
        known = self.list_commands(ctx)
        if not self._prefix and args and is_both(args[0]) and f"{args[0]} {' '.join(args[1:2])}" not in BY_NAME:
            return args[0], build(BY_NAME[args[0]]), args[1:]
        if args and not args[0].startswith("-") and args[0] not in known:
            near = get_close_matches(args[0], known, n=1)
            raise UsageError(
                f"there is no command '{self._prefix}{args[0]}'",
                hint=f"did you mean '{PROGRAM} {self._prefix}{near[0]}'?" if near else f"{ctx.command_path} --help",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: HelpFormatter) -> None:  # noqa: ANN401  click's signature
        """Write the commands by panel, without loading any of them."""
        names = self.list_commands(ctx)
        width = max(len(name) for name in names)
        for panel in PANELS:
            lines = [line for name in names if (line := self._line(name, panel))]
            if lines:
                with formatter.section(panel if not self._prefix else "Commands"):
                    formatter.write_dl([(name.ljust(width), text) for name, text in lines])
        if not self._prefix:
            with formatter.section("For every command"):
                formatter.write_dl(list(GLOBAL_FLAGS))
            formatter.write(f"\n{PROGRAM} COMMAND --help explains each; start with: {PROGRAM} init\n")

    def _line(self, name: str, panel: str) -> tuple[str, str] | None:
        full = f"{self._prefix}{name}"
        if not self._prefix and name in GROUPS:
            return (name, GROUPS[name][1]) if GROUPS[name][0] == panel else None
        row = BY_NAME[full]
        return (name, row.summary) if row.panel == panel and not row.alias_of else None


def is_both(name: str) -> bool:
    """Tell whether *name* is a command and, with a second word of its own, a group: `messages`, `messages show`."""
    return name in GROUPS and name in BY_NAME


def build(row: Row) -> TyperCommand:
    """Load the code of *row* and return it as a typer command."""
    module_name, _, function_name = row.code.partition(":")
    module = import_module(f"agentctl.cli.{module_name}")
    function = getattr(module, function_name) if function_name else _typed(module.SHAPE, module.run)
    return _command(row, function, help=inspect.getdoc(getattr(module, function_name or "run")) or row.summary)


def _command(row: Row, function: Callable[..., Any], help: str) -> TyperCommand:  # noqa: A002  click's name
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    examples = BY_NAME[row.alias_of].examples if row.alias_of else row.examples
    app.command(
        row.name.split()[-1], cls=Command, help=help, epilog="\n".join(examples) or None, context_settings=_SETTINGS
    )(function)
    command = typer.main.get_command(app)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"typer made a {type(command).__name__} of {row.name}")
    return command


def _typed(shape: Shape, run_light: Callable[[dict[str, Any], Call], int]) -> Callable[..., int]:
    """Return a function whose signature says to typer what *shape* says to the light reader."""

    def function(context: typer.Context, **values: Any) -> int:  # noqa: ANN401  what typer parsed
        return run_light(values, context.obj)

    parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for place in shape.places:
        kind: Any = list[str] if place.many else str
        default: Any = [] if place.many else (inspect.Parameter.empty if place.required else None)
        argument = typer.Argument(help=place.help, metavar=place.key.upper(), show_default=False)
        parameters.append(_parameter(place.key, Annotated[kind, argument], default))
    for flag in shape.flags:
        option = typer.Option(*flag.names, help=flag.help, metavar=flag.value or None, show_default=bool(flag.default))
        plain: Any = str if flag.value else bool
        parameters.append(_parameter(flag.key, Annotated[plain, option], flag.default if flag.value else False))
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401  types are values here
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
