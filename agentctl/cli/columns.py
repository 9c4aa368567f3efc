"""What a table is made of: records, and columns that say how a record reads in them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    Record: TypeAlias = Mapping[str, Any]


class Column:
    """One column of a table.

    With *wide* only `-o wide` shows it; *state* says that it holds a state's word, which gets its glyph and colour on a
    terminal; a column that *folds* gives way, cut with an ellipsis, where the terminal is narrow.
    """

    __slots__ = ("folds", "state", "text", "title", "wide")

    def __init__(
        self, title: str, text: Callable[[Record], str], *, wide: bool = False, state: bool = False, folds: bool = False
    ) -> None:
        self.title = title
        self.text = text
        self.wide = wide
        self.state = state
        self.folds = folds
