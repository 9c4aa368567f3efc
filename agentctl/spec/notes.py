"""What a team file asks for that this version does not act on, and what a person should look at: one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentctl.spec.document import Document
from agentctl.spec.nodes import Mapping, Node, Place, Scalar
from agentctl.spec.problems import quoted

NOT_YET = (
    ("workflows",),
    ("mcp",),
    ("commit", "message"),
    ("tools",),
    ("scale",),
    ("workspace", "isolation"),
    ("workspace", "branch"),
    ("workspace", "base"),
    ("workspace", "copy"),
    ("workspace", "keep"),
    ("workspace", "setup"),
)
_SWITCHED_OFF = (False, "none")

_KEY_LIKE = re.compile(
    r"sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|npm_[A-Za-z0-9]{20,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,100}\.[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_KEY_NAME = re.compile(r"(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$", re.IGNORECASE)
_LEAST_SECRET = 12
_LOOKED_AT = 10_000


def looks_secret(name: str, value: str) -> bool:
    """Tell whether the variable *name* with *value* seems to hold a key that should not stand in a file."""
    if _KEY_LIKE.search(value[:_LOOKED_AT]):
        return True
    plain = "{{" in value or "/" in value or any(letter.isspace() for letter in value)
    return bool(_KEY_NAME.search(name)) and len(value) >= _LEAST_SECRET and not plain


def notes(document: Document, tree: Mapping, used_later: set[str]) -> list[str]:
    """Return one sentence for each thing that a person should know of the file."""
    found = [*_not_acted_on(tree), *_keyring(document, tree), *_secrets_in_plain(tree)]
    if used_later:
        names = ", ".join(sorted(used_later))
        found.append(
            f"a first prompt uses {names}, known only when there is a task: it reads <{min(used_later)}> until then"
        )
    return found


def _not_acted_on(tree: Mapping) -> Iterator[str]:
    for path in NOT_YET:
        for layer in _layers(tree):
            if (place := _written(layer, path)) is not None:
                yield f"{'.'.join(path)} is checked but not acted on by this version ({place})"
                break


def _layers(tree: Mapping) -> Iterator[Mapping]:
    """Yield every map in which settings can stand, the file itself first."""
    yield tree
    defaults = tree.get("defaults")
    sections = [
        entry.value
        for name in ("roles", "agents")
        if isinstance(node := tree.get(name), Mapping)
        for entry in node.entries.values()
    ]
    for node in (defaults, *sections):
        if isinstance(node, Mapping):
            yield node


def _written(layer: Mapping, path: tuple[str, ...]) -> Place | None:
    """Return where *path* is written in *layer*, None where it is not, or says no."""
    node: Node | None = layer
    place = layer.place
    for key in path:
        entry = node.entries.get(key) if isinstance(node, Mapping) else None
        if entry is None:
            return None
        node, place = entry.value, entry.key
    off = isinstance(node, Scalar) and (node.value is None or node.value in _SWITCHED_OFF)
    return None if off else place


def _keyring(document: Document, tree: Mapping) -> Iterator[str]:
    for name, secret in (document.secrets or {}).items():
        if secret.keyring is not None and (place := _written(tree, ("secrets", name))) is not None:
            yield f"secrets.{name}: a keyring is not read by this version, so no agent gets it ({place})"


def _secrets_in_plain(tree: Mapping) -> Iterator[str]:
    for layer in _layers(tree):
        env = layer.get("env")
        for name, entry in env.entries.items() if isinstance(env, Mapping) else ():
            value = entry.value
            if isinstance(value, Scalar) and isinstance(value.value, str) and looks_secret(name, value.value):
                yield (
                    f"env {quoted(name)[1:-1]} looks like a key, and values under 'env' are kept in the log: "
                    f"name it under 'secrets' instead ({entry.key})"
                )
