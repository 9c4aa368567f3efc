"""Data on stdout, words on stderr: tables on a terminal, tab-separated lines when piped, and the formats of `-o`.

Light to import: rich is loaded only for a table on a terminal. Whatever comes from outside is cleaned here.
"""

from __future__ import annotations

import sys

from agentctl.cli.color import paint, wanted
from agentctl.cli.preferences import preferred
from agentctl.domain.errors import UsageError
from agentctl.domain.text import safe_line, safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from agentctl.cli.call import Call
    from agentctl.cli.columns import Column, Record

FORMATS = ("table", "wide", "json", "yaml", "jsonl", "name", "csv")
API_VERSION = "agentctl/v1"


class Output:
    """Where one command's data and words go."""

    def __init__(self, call: Call, form: str = "") -> None:
        choice, preference = preferred(call)
        self.form = form or preference or "table"
        if self.form not in FORMATS:
            raise UsageError(f"-o takes {', '.join(FORMATS)}, not '{safe_line(self.form)}'")
        self.color = wanted(sys.stdout, choice)
        self.words_color = wanted(sys.stderr, choice)

    @property
    def for_people(self) -> bool:
        """Tell whether the data is a table for a person or a script's lines, and no structured format."""
        return self.form in ("table", "wide")

    def say(self, text: str, color: str = "") -> None:
        """Write one line of words."""
        print(paint(safe_text(text), color, on=self.words_color), file=sys.stderr)  # noqa: T201  words for a person

    def line(self, text: str) -> None:
        """Write one line of data, cleaned."""
        self.raw(safe_text(text))

    def raw(self, text: str) -> None:
        """Write a line that is clean, or painted by us."""
        sys.stdout.write(text + "\n")

    def painted(self, text: str, color: str) -> str:
        """Return *text*, cleaned, in *color* where stdout takes colour."""
        return paint(safe_text(text), color, on=self.color)

    def records(self, kind: str, records: Sequence[Record], columns: Sequence[Column], name: str = "name") -> None:
        """Write *records* in the format that was asked for; *name* is the key that `-o name` prints."""
        if self.form == "json":
            self.raw(to_json(envelope(kind, records)))
        elif self.form == "yaml":
            self.raw(to_yaml(envelope(kind, records)))
        elif self.form == "jsonl":
            for record in records:
                self.raw(to_json(record, indent=None))
        elif self.form == "name":
            for record in records:
                self.line(safe_line(str(record[name])))
        elif self.form == "csv":
            _write_csv(records, columns)
        elif sys.stdout.isatty():
            self._table(records, [c for c in columns if self.form == "wide" or not c.wide])
        else:
            self._lines(records, [c for c in columns if self.form == "wide" or not c.wide])

    def _lines(self, records: Sequence[Record], columns: Sequence[Column]) -> None:
        self.raw("\t".join(column.title for column in columns))
        for record in records:
            self.raw("\t".join(safe_line(column.text(record)) for column in columns))

    def _table(self, records: Sequence[Record], columns: Sequence[Column]) -> None:
        from agentctl.cli.tables import print_table  # noqa: PLC0415  loads rich, which pipes must not pay for

        print_table(records, columns, color=self.color, fits=self.form != "wide")


def envelope(kind: str, items: Sequence[Record]) -> dict[str, Any]:
    """Return *items* as every structured answer looks."""
    return {"apiVersion": API_VERSION, "kind": kind, "items": list(items)}


def to_json(value: object, *, indent: int | None = 2) -> str:
    """Return *value* as JSON in ASCII: so that no control character of an agent's text reaches a terminal."""
    import json  # noqa: PLC0415  only structured formats need it

    return json.dumps(value, indent=indent, ensure_ascii=True)


def to_yaml(value: object) -> str:
    """Return *value* as YAML."""
    from agentctl.spec.dump import dump  # noqa: PLC0415  only `-o yaml` pays for it

    return dump(value).rstrip("\n")


def _write_csv(records: Sequence[Record], columns: Sequence[Column]) -> None:
    import csv  # noqa: PLC0415  only `-o csv` needs it

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column.title.lower() for column in columns])
    writer.writerows([safe_line(column.text(record)) for column in columns] for record in records)
