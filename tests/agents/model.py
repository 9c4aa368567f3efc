"""A scripted model on 127.0.0.1: what coding agents ask stands in its log, what they are answered stands in a script.

It speaks Anthropic Messages, OpenAI Chat Completions and Responses, and Gemini. Each agent has a lane of its own, which
is the first part of its base URL: `http://127.0.0.1:PORT/lane/NAME`, with `/v1` behind it where the program wants it.
A lane answers main requests from its script, one step a request, and with its last words ("ok") when the script is at
its end. Side requests (titles, summaries) are told by their model's name or by their task, and never use up a step.

In a test:   with Model() as model: model.lane("dev").script(Step(text="hello"))
By hand:     python -m tests.agents.model --port 8123
From apart:  GET /lane/NAME/log · POST /lane/NAME/script · POST /lane/NAME/release
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.agents.dialects import Asked, Call, Dialect, Json, Part, Text, dialect_of

MAIN = "scripted-main"
"""The model that an agent's own turns are asked of."""
SIDE = "scripted-small"
"""The model for titles and summaries, where a program lets us name one."""

_SIDE = re.compile(r"\b(small|mini|haiku|lite|weak|title|nano)\b", re.IGNORECASE)
_SIDE_TASK = re.compile(r"\AGenerate a (concise|short|brief)\b.*\btitle\b", re.IGNORECASE)
"""Codex asks its main model for a title too."""
_SIDE_ANSWER = "scripted"
_SIDE_JSON = json.dumps({"title": "scripted", "next_speaker": "user", "reasoning": "scripted", "model_choice": "pro"})
_LANE = re.compile(r"^/lane/([^/]+)(/.*)$")


@dataclass(frozen=True)
class Step:
    """How one request is answered."""

    text: str = ""
    """Its words; they come before the tool call where both are given."""
    tool: str = ""
    """The program's own name of the tool that is called."""
    given: Json = field(default_factory=dict)
    """What the tool is called with."""
    chunk: int = 0
    """Characters a piece; 0: all at once."""
    pause: float = 0.0
    """Seconds between the pieces."""
    hold: float = 0.0
    """Seconds before the first byte, or until the lane is released."""
    endless: bool = False
    """The words come again and again until the program hangs up."""
    status: int = 200
    """Another status is an error of the API, with `text` as its message."""
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    """The whole body of an error, where its form matters."""
    cut: bool = False
    """The connection is cut after the words, before the answer is complete."""
    times: int = 1
    """How many requests it answers; 0: every one from here on."""

    @classmethod
    def read(cls, said: Json) -> Self:
        """A step as JSON gives it; raise ValueError where a key is not known."""
        unknown = set(said) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"a step has no {', '.join(sorted(unknown))}")
        return cls(**said)


@dataclass
class Request:
    """One request as it stands in the log."""

    number: int
    at: float
    api: str
    model: str
    main: bool
    user: str
    """The user's last words in it, without what programs add as <system-reminder>."""
    texts: list[str]
    """All that the user says in it since the model's last answer."""
    results: list[str]
    tools: list[str]
    answer: str = "waiting"
    """waiting, then: answered, gone (the program hung up), cut, or the status of an error."""


class Lane:
    """What one agent asks and is answered."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: list[Request] = []
        self.conversation: list[str] = []
        """Every text of the user in the newest main request: what stands there twice, arrived twice."""
        self._steps: list[Step] = []
        self._rest = Step(text="ok")
        self._changed = threading.Condition()
        self.released = threading.Event()

    def script(self, *steps: Step, rest: Step | None = None) -> None:
        """Answer the next main requests by *steps*, and those behind them by *rest*."""
        with self._changed:
            self._steps = list(steps)
            self._rest = rest or self._rest
            self.released = threading.Event()

    def release(self) -> None:
        """Let the answers that are held go."""
        self.released.set()

    def prompts(self) -> list[str]:
        """What the user said in the main requests, in order."""
        with self._changed:
            return [request.user for request in self.requests if request.main]

    def wait_for(self, text: str, *, within: float = 20.0) -> Request:
        """The first main request with *text* in what the user says; raise TimeoutError after *within* seconds."""

        def found() -> Request | None:
            asked = (r for r in self.requests if r.main and any(text in said for said in r.texts))
            return next(asked, None)

        with self._changed:
            request = self._changed.wait_for(found, within)
        if request is None:
            raise TimeoutError(f"{self.name}: nothing with {text!r} arrived in {within} s; did: {self.prompts()!r}")
        return request

    def settled(self, *, within: float = 10.0) -> list[str]:
        """How each request was answered, once none waits any more; raise TimeoutError after *within* seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: all(r.answer != "waiting" for r in self.requests), within):
                raise TimeoutError(f"{self.name}: a request is not answered within {within} s")
            return [request.answer for request in self.requests]

    def take(self, dialect: Dialect, asked: Asked) -> tuple[Request, Step]:
        """Write a request into the log and say how it is answered."""
        own = [text for text in asked.texts if not text.lstrip().startswith("<system-reminder>")]
        main = not _SIDE.search(asked.model) and not any(_SIDE_TASK.match(text) for text in own)
        with self._changed:
            request = Request(
                number=len(self.requests), at=time.time(), api=dialect.name, model=asked.model, main=main,
                user=own[-1] if own else "", texts=list(asked.texts), results=list(asked.results),
                tools=list(asked.tools),
            )  # fmt: skip
            self.requests.append(request)
            if main:
                self.conversation = list(asked.history)
            step = self._next() if main else Step(text=_SIDE_ANSWER)
            self._changed.notify_all()
        return request, step

    def answered(self, request: Request, how: str) -> None:
        with self._changed:
            request.answer = how
            self._changed.notify_all()

    def log(self) -> Json:
        with self._changed:
            return {"requests": [asdict(r) for r in self.requests], "conversation": list(self.conversation)}

    def _next(self) -> Step:
        if not self._steps:
            return self._rest
        step = self._steps[0]
        if step.times == 1:
            self._steps.pop(0)
        elif step.times > 1:
            self._steps[0] = Step(**{**asdict(step), "times": step.times - 1})
        return step


class Model:
    """The server, from `with` to its end."""

    def __init__(self, port: int = 0) -> None:
        self._lanes: dict[str, Lane] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.model = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def lane(self, name: str) -> Lane:
        """The lane of that name; it begins with the first look at it."""
        with self._lock:
            return self._lanes.setdefault(name, Lane(name))

    def url(self, name: str) -> str:
        """The base URL of a lane, without `/v1`."""
        return f"http://127.0.0.1:{self.port}/lane/{name}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: Model

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that hangs up is no fault of ours; all else is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Gone(Exception):
    """The program hung up, or we are closing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._tell(200, {})

    def do_GET(self) -> None:
        lane, path = self._lane()
        if lane is None:
            self._tell(404, {"error": "a lane is needed: /lane/NAME"})
        elif path == "/log":
            self._tell(200, lane.log())
        elif path.endswith("/models"):
            names = [{"id": name, "object": "model", "type": "model"} for name in (MAIN, SIDE)]
            self._tell(200, {"object": "list", "data": names, "models": [], "has_more": False})
        else:
            self._tell(404, {"error": {"message": f"nothing is at {path}", "type": "not_found_error"}})

    def do_POST(self) -> None:
        raw = self._body()
        lane, path = self._lane()
        if lane is None:
            self._tell(404, {"error": "a lane is needed: /lane/NAME"})
        elif path == "/script":
            self._script(lane, json.loads(raw))
        elif path == "/release":
            lane.release()
            self._tell(200, {})
        elif path.endswith(("/count_tokens", ":countTokens")):
            self._tell(200, {"input_tokens": len(raw) // 4, "totalTokens": len(raw) // 4})
        elif dialect := dialect_of(path):
            self._answer(lane, dialect, path, json.loads(raw))
        else:
            self._tell(404, {"error": {"message": f"nothing is at {path}", "type": "not_found_error"}})

    def _script(self, lane: Lane, said: Any) -> None:
        try:
            steps = [Step.read(step) for step in (said if isinstance(said, list) else said.get("steps", []))]
            rest = None if isinstance(said, list) or "rest" not in said else Step.read(said["rest"])
        except (ValueError, TypeError, AttributeError) as error:
            self._tell(400, {"error": str(error)})
            return
        lane.script(*steps, rest=rest)
        self._tell(200, {})

    def _answer(self, lane: Lane, dialect: Dialect, path: str, body: Json) -> None:
        asked = dialect.asked(path, body)
        request, step = lane.take(dialect, asked)
        if not request.main and _wants_json(body):
            step = Step(text=_SIDE_JSON)
        how = "gone"
        try:
            self._hold(lane, step)
            how = self._speak(dialect, asked, step)
        except _Cut:
            how = "cut"
            self._hang_up()
        except (_Gone, OSError):
            self.close_connection = True
        finally:
            lane.answered(request, how)

    def _speak(self, dialect: Dialect, asked: Asked, step: Step) -> str:
        if step.status != 200:
            body = step.body or dialect.refusal(step.status, step.text or "scripted")
            self._tell(step.status, body, step.headers)
            return str(step.status)
        parts = self._parts(step)
        if not asked.stream:
            self._tell(200, dialect.whole(asked, parts), step.headers)
            return "answered"
        self._begin_stream(step.headers)
        for event in dialect.stream(asked, parts):
            self._write_chunk(event)
        self._write_chunk(b"")
        return "answered"

    def _parts(self, step: Step) -> Iterator[Part]:
        """The parts of the answer, each when its time has come."""
        while True:
            size = step.chunk or len(step.text) or 1
            for start in range(0, len(step.text), size):
                yield Text(step.text[start : start + size])
                self._pause(step.pause)
            if not step.endless:
                break
        if step.cut:
            raise _Cut
        if step.tool:
            yield Call(step.tool, step.given)

    def _hold(self, lane: Lane, step: Step) -> None:
        released = lane.released
        until = time.monotonic() + step.hold
        while time.monotonic() < until and not released.is_set():
            self._pause(0.05)

    def _pause(self, seconds: float) -> None:
        """Wait that long; raise where the program hangs up meanwhile."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self.connection], [], [], min(left, 0.1))
            if self.server.model.closing.is_set() or (ready and not self.connection.recv(1, socket.MSG_PEEK)):
                raise _Gone
            if left == 0.0:
                return
            if ready:  # it sends on while we speak: nothing to read here, but no reason to spin
                self.server.model.closing.wait(min(left, 0.1))

    def _begin_stream(self, headers: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _write_chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _tell(self, status: int, said: Json, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _lane(self) -> tuple[Lane | None, str]:
        """The lane that the request is for, and the path behind it."""
        path = urlsplit(self.path).path
        found = _LANE.match(path)
        return (self.server.model.lane(found[1]), found[2]) if found else (None, path)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def log_message(self, *_: object) -> None:
        """Say nothing: the log is in the lanes."""


class _Cut(Exception):
    """The script wants the connection cut here."""


def _wants_json(body: Json) -> bool:
    config = body.get("generationConfig") or {}
    return config.get("responseMimeType") == "application/json" or "response_format" in body or "output_config" in body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    with Model(parser.parse_args().port) as model:
        sys.stdout.write(f"http://127.0.0.1:{model.port}/lane/NAME\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
