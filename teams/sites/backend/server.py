#!/usr/bin/env python3
"""A small JSON API of notes, kept in memory: GET /, GET /healthz, GET and POST /notes, GET /notes/ID."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

LONGEST_BODY = 64 * 1024
MOST_NOTES = 1000
LONGEST_ID = 10


class Notes(BaseHTTPRequestHandler):
    """Answers one request."""

    notes: ClassVar[dict[int, dict[str, object]]] = {1: {"id": 1, "text": "The backend team is up"}}
    numbers: ClassVar[itertools.count[int]] = itertools.count(2)
    timeout = 10

    def do_GET(self) -> None:
        """Answer what was asked for."""
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts == [""]:
            self.answer({"team": "backend", "paths": ["/healthz", "/notes", "/notes/1"]})
        elif parts == ["healthz"]:
            self.answer({"status": "ok"})
        elif parts == ["notes"]:
            self.answer({"notes": list(self.notes.values())})
        elif (
            parts[0] == "notes"
            and len(parts) == len(("notes", "id"))
            and parts[1].isdecimal()
            and len(parts[1]) < LONGEST_ID
        ):
            note = self.notes.get(int(parts[1]))
            self.answer(note or {"error": "no such note"}, HTTPStatus.OK if note else HTTPStatus.NOT_FOUND)
        else:
            self.answer({"error": "no such path"}, HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Keep a note."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/notes" or not length.isdecimal() or len(length) > LONGEST_ID or int(length) > LONGEST_BODY:
            self.answer({"error": 'POST /notes with {"text": "…"}'}, HTTPStatus.BAD_REQUEST)
            return
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("text"), str) or len(self.notes) >= MOST_NOTES:
            self.answer({"error": 'POST /notes with {"text": "…"}'}, HTTPStatus.BAD_REQUEST)
            return
        number = next(self.numbers)
        self.notes[number] = {"id": number, "text": body["text"]}
        self.answer(self.notes[number], HTTPStatus.CREATED)

    def answer(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Send *value* as JSON."""
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4000)
    port = parser.parse_args().port
    with ThreadingHTTPServer(("127.0.0.1", port), Notes) as server:
        sys.stdout.write(f"Serving JSON on http://127.0.0.1:{port}/\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
