"""The merged tree as YAML again, with a comment that says where each line comes from: `validate --resolved`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from agentctl.spec.nodes import Mapping, Node, Place, Scalar, Sequence, is_null
from agentctl.spec.notes import looks_secret
from agentctl.spec.scalars import resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./ +-]*")
_COMMENTS_AT = 60
_MASK = "***"


def write(tree: Mapping) -> str:
    """Return *tree* as YAML; what looks like a key is masked, and what is written as null is left out."""
    return "".join(f"{line}\n" for line in _mapping(tree, ""))


def _mapping(node: Mapping, indent: str) -> Iterator[str]:
    for key, entry in node.entries.items():
        if not is_null(entry.value):
            yield from _value(f"{indent}{_text(key)}:", key, entry.value, entry.key, indent + "  ")


def _sequence(node: Sequence, indent: str) -> Iterator[str]:
    for item in node.items:
        yield from _value(f"{indent}-", "", item, item.place, indent + "  ")


def _value(head: str, key: str, node: Node, place: Place, indent: str) -> Iterator[str]:
    """Yield the lines of one value behind *head*, which is its key or its dash."""
    if isinstance(node, Scalar):
        if _is_block(node):
            yield _line(f"{head} |{'' if str(node.value).endswith(chr(10)) else '-'}", place)
            yield from (f"{indent}{line}".rstrip() for line in str(node.value).removesuffix("\n").split("\n"))
        else:
            yield _line(f"{head} {_scalar(key, node)}", node.place)
    elif isinstance(node, Mapping):
        if any(not is_null(entry.value) for entry in node.entries.values()):
            yield _line(head, place)
            yield from _mapping(node, indent)
        else:
            yield _line(f"{head} {{}}", place)
    elif node.items:
        yield _line(head, place)
        yield from _sequence(node, indent)
    else:
        yield _line(f"{head} []", place)


def _line(text: str, place: Place) -> str:
    return f"{text:<{_COMMENTS_AT}} # {place}"


def _is_block(node: Scalar) -> bool:
    text = node.value
    if not isinstance(text, str) or "\n" not in text.removesuffix("\n"):
        return False
    lines = text.removesuffix("\n").split("\n")
    return not (lines[0][:1] in (" ", "") or lines[-1] == "" or any(line != line.rstrip() for line in lines))


def _scalar(key: str, node: Scalar) -> str:
    value = node.value
    if isinstance(value, str):
        return json.dumps(_MASK) if looks_secret(key, value) else _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    """Return *text* plain where that reads back as the same text, else in double quotes."""
    if _PLAIN.fullmatch(text) and text == text.strip():
        try:
            if resolve(text) == text:
                return text
        except ValueError:
            pass
    return json.dumps(text, ensure_ascii=False)
