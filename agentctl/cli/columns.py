"""What a table is made of: records, and columns that say how a record reads in them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    Record: TypeAlias = Mapping[str, Any]


class Column:
    """One column of a table.

    With *wide* only `-o wide` shows it; *state* says that it holds a state's word, which gets its glyph and colour on a
    terminal; a column that *folds* gives way, cut with an ellipsis, where the terminal is narrow. *colors* are those of
    the text's letters, the last for all that follow; *least* is a width that keeps a table still whose values change.
    Where the terminal is still too narrow, the columns that *give* are left out, the largest number first.
    """

    __slots__ = ("colors", "folds", "gives", "least", "right", "state", "text", "title", "wide")

    def __init__(
        self,
        title: str,
        text: Callable[[Record], str],
        *,
        wide: bool = False,
        state: bool = False,
        folds: bool = False,
        right: bool = False,
        colors: Callable[[Record], Sequence[str]] | None = None,
        least: int = 0,
        gives: int = 0,
    ) -> None:
        self.title = title
        self.text = text
        self.wide = wide
        self.state = state
        self.folds = folds
        self.right = right
        self.colors = colors
        self.least = least
        self.gives = gives
