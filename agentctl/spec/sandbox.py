"""The environment that templates run in: an allow-list of syntax, filters and access, over Jinja2's sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes, pass_context
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentctl.spec.problems import did_you_mean, quoted
from agentctl.spec.templates import MOST_OUTPUT, MOST_SOURCE, Budget, Later, TemplateProblem

_MOST_NODES = 20_000
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.List,
    nodes.Tuple, nodes.Filter, nodes.Test, nodes.CondExpr, nodes.If, nodes.For, nodes.Compare, nodes.Operand, nodes.And,
    nodes.Or, nodes.Not, nodes.Neg, nodes.Add, nodes.Sub, nodes.Keyword,
)  # fmt: skip
_TESTS = frozenset(
    {"defined", "undefined", "none", "string", "number", "odd", "even", "in", "equalto", "true", "false"}
)
_LOOP = frozenset({"index", "index0", "first", "last", "length"})
_BUDGET = "_budget"
_EACH = "_each"
_COMPILED = "<template>"
"""What Jinja2 calls the file of a template that came from a text."""


class _Unknown(StrictUndefined):
    """A name or a key that is not there, said with what there is."""

    @property
    def _undefined_message(self) -> str:
        known = self._undefined_obj if isinstance(self._undefined_obj, Mapping) else {}
        hint = did_you_mean(str(self._undefined_name), [str(name) for name in known])
        return f"there is no {quoted(str(self._undefined_name))} here{'; ' + hint if hint else ''}"


class _Environment(ImmutableSandboxedEnvironment):
    """Reads maps by key, lists by number, and nothing else of any object."""

    intercepted_binops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401  Jinja2's signature
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401  Jinja2's signature
        if isinstance(obj, Later):
            return obj.at(argument)
        if isinstance(obj, Undefined):
            return obj[argument]
        if isinstance(obj, Mapping) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, list | tuple) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, _context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401  Jinja2's signature
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TemplateProblem(f"'{operator}' is for numbers", hint="write texts side by side")
        return left + right if operator == "+" else left - right


class Sandbox:
    """Checks and renders templates."""

    def __init__(self) -> None:
        self._environment = _Environment(
            undefined=_Unknown, finalize=_shown, trim_blocks=True, lstrip_blocks=True, autoescape=False, optimized=False
        )
        self._environment.filters = {name: _counted(function) for name, function in _FILTERS.items()}
        self._environment.filters[_EACH] = _each
        self._environment.globals = {}
        self._compiled = lru_cache(maxsize=64)(self._compile)

    def render(self, source: str, facts: Mapping[str, object], budget: Budget) -> str:
        """Return *source* with *facts* filled in; raise `TemplateProblem`."""
        pieces: list[str] = []
        size = 0
        try:
            for piece in self._compiled(source).generate({**facts, _BUDGET: budget}):
                size += len(piece)
                budget.write(len(piece))
                _require_room(size)
                pieces.append(piece)
        except TemplateProblem as error:
            error.line = error.line or _line_of(error)
            raise
        except UndefinedError as error:
            hint = self._nearest(source, facts)
            raise TemplateProblem(str(error.message), hint=hint, line=_line_of(error)) from None
        except TemplateError as error:
            raise TemplateProblem(str(error.message or error), line=_line_of(error)) from None
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise TemplateProblem(f"the template cannot be filled in: {error}", line=_line_of(error)) from None
        return "".join(pieces)

    def _nearest(self, source: str, facts: Mapping[str, object]) -> str:
        """Return a hint for a name that *source* uses and *facts* lack."""
        unknown = sorted(find_undeclared_variables(self._parse(source)) - facts.keys())
        return did_you_mean(unknown[0], tuple(facts)) if unknown else ""

    def check(self, source: str, known: Iterable[str]) -> None:
        """Raise `TemplateProblem` where *source* is no template or uses names besides *known*."""
        tree = self._parse(source)
        for name in sorted(find_undeclared_variables(tree) - {*known, _BUDGET}):
            raise TemplateProblem(f"there is no {quoted(name)} here", hint=did_you_mean(name, tuple(known)))

    def _compile(self, source: str) -> Template:
        tree = self._parse(source)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _EACH, [], [], None, None, lineno=loop.lineno)
            loop.iter.set_environment(self._environment)
        try:
            code = self._environment.compile(tree)
        except (TemplateError, SyntaxError, RecursionError, MemoryError, ValueError) as error:
            raise TemplateProblem(f"the template cannot be read: {type(error).__name__}") from None
        return Template.from_code(self._environment, code, self._environment.globals)

    def _parse(self, source: str) -> nodes.Template:
        if len(source) > MOST_SOURCE:
            raise TemplateProblem("the template is longer than 64 KiB")
        try:
            tree = self._environment.parse(source)
        except TemplateSyntaxError as error:
            hint = "for plain braces write {{ '{{' }}"
            raise TemplateProblem(f"this is not a template: {error.message}", hint=hint, line=error.lineno) from None
        except (RecursionError, ValueError, OverflowError):
            raise TemplateProblem("the template cannot be read: too long or too deep") from None
        _require_allowed(tree)
        return tree


def _require_room(size: int) -> None:
    if size > MOST_OUTPUT:
        raise TemplateProblem("the template makes more than 1 MiB of text")


def _line_of(error: BaseException) -> int:
    """Return the line of the template that *error* came from, 0 where it came from none."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == _COMPILED:
            line = step.tb_lineno  # Jinja2 has put the template's own lines there
        step = step.tb_next
    return line


def _require_allowed(tree: nodes.Template) -> None:
    waiting: list[nodes.Node] = [tree]
    seen = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise TemplateProblem("the template is too long")
        if (fault := _fault(node)) is not None:
            hint = "a template may show values, use filters, 'if' and 'for'"
            raise TemplateProblem(fault, hint=hint, line=node.lineno)
        waiting.extend(node.iter_child_nodes())


def _fault(node: nodes.Node) -> str | None:
    """Return why *node* may not stand in a template, None where it may."""
    if not isinstance(node, _ALLOWED):
        return f"templates have no {_WORDS.get(type(node), type(node).__name__.lower())}"
    if isinstance(node, nodes.Name) and node.name.startswith("_"):
        return f"there is no {quoted(node.name)} here"
    if isinstance(node, nodes.Filter):
        if node.node is None or node.dyn_args or node.dyn_kwargs:
            return "templates have no such filter"
        if node.name not in _FILTERS:
            return f"there is no filter {quoted(node.name)}; {did_you_mean(node.name, tuple(_FILTERS))}"
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        return f"there is no test {quoted(node.name)}; {did_you_mean(node.name, tuple(_TESTS))}"
    if isinstance(node, nodes.For) and (node.recursive or not isinstance(node.target, nodes.Name)):
        return "templates have only plain loops: 'for x in list'"
    if isinstance(node, nodes.List | nodes.Tuple) and not all(isinstance(item, nodes.Const) for item in node.items):
        return "templates have no lists but of plain values"
    return None


_WORDS: dict[type, str] = {
    nodes.Call: "calls",
    nodes.Assign: "'set'",
    nodes.AssignBlock: "'set'",
    nodes.Macro: "macros",
    nodes.Include: "'include'",
    nodes.Import: "'import'",
    nodes.FromImport: "'import'",
    nodes.Extends: "'extends'",
    nodes.Block: "blocks",
    nodes.Mul: "'*'",
    nodes.Pow: "'**'",
    nodes.Div: "'/'",
    nodes.FloorDiv: "'//'",
    nodes.Mod: "'%'",
    nodes.Concat: "'~': write texts side by side",
    nodes.Dict: "maps",
    nodes.Slice: "slices",
    nodes.With: "'with'",
    nodes.FilterBlock: "filter blocks",
}


def _shown(value: object) -> object:
    """Return *value* if it may stand in the output: a long way round, a nested list could grow without bound."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | Undefined) or value is None:
        return "" if value is None else value
    if isinstance(value, Later):
        return str(value)
    raise TemplateProblem("a list or a map cannot be shown", hint="join it: {{ names | join(', ') }}")


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    def counted(context: Context, value: object, *arguments: object, **options: object) -> object:
        context[_BUDGET].step()
        if isinstance(value, Later) and function is not _default:
            return value
        if isinstance(value, Undefined) and function is not _default:
            str(value)  # says what is missing
        return function(value, *arguments, **options)

    return counted


@pass_context
def _each(context: Context, values: object) -> Iterator[object]:
    if isinstance(values, Undefined):
        str(values)  # says what is missing
    if not isinstance(values, list | tuple):
        kind = "this is known later" if isinstance(values, Later) else "this is no list"
        raise TemplateProblem(f"'for' goes over lists, and {kind}")
    for value in values:
        context[_BUDGET].step()
        yield value


def _text(value: object) -> str:
    return str(_shown(value))


def _join(values: object, between: object = "", attribute: str | None = None) -> str:
    if not isinstance(values, list | tuple):
        raise TemplateProblem("'join' takes a list")
    items = _map(values, attribute) if attribute else values
    pieces = [_text(item) for item in items]
    space = _text(between)
    if sum(map(len, pieces)) + len(space) * len(pieces) > MOST_OUTPUT:
        raise TemplateProblem("the template makes more than 1 MiB of text")
    return space.join(pieces)


def _map(values: object, attribute: str | None = None) -> list[object]:
    if not isinstance(values, list | tuple) or not isinstance(attribute, str):
        raise TemplateProblem("'map' takes a list and attribute='name'")
    return [value.get(attribute, "") if isinstance(value, Mapping) else "" for value in values]


def _default(value: object, instead: object = "") -> object:
    return instead if isinstance(value, Undefined) else value


def _tail(value: object, lines: int = 10) -> str:
    return "\n".join(_text(value).split("\n")[-max(1, lines) :])


def _indent(value: object, width: int = 4) -> str:
    space = "\n" + " " * max(0, min(width, 40))
    text = _text(value)
    if len(text) + len(space) * text.count("\n") > MOST_OUTPUT:
        raise TemplateProblem("the template makes more than 1 MiB of text")
    return text.replace("\n", space)


def _length(value: object) -> int:
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise TemplateProblem("'length' takes text, a list or a map")


def _end(values: object, index: int) -> object:
    if isinstance(values, str | list | tuple):
        return values[index] if values else ""
    raise TemplateProblem("'first' and 'last' take text or a list")


_FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "join": _join,
    "map": _map,
    "tail": _tail,
    "indent": _indent,
    "length": _length,
    "first": lambda values: _end(values, 0),
    "last": lambda values: _end(values, -1),
    "upper": lambda value: _text(value).upper(),
    "lower": lambda value: _text(value).lower(),
    "title": lambda value: _text(value).title(),
    "trim": lambda value: _text(value).strip(),
}
