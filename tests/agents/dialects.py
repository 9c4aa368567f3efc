"""The four wire forms that coding agents speak to a model: what they ask, and how an answer is written for them.

A dialect is pure: it reads a request's JSON and turns the parts of an answer into the bytes of a stream or one body.
Sockets, scripts and waiting belong to `tests.agents.model`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

Json = dict[str, Any]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Asked:
    """One request to the model, as far as a test needs it."""

    model: str
    stream: bool
    texts: tuple[str, ...]
    """What the user says in it that no answer of the model stands behind, in order."""
    results: tuple[str, ...]
    """What tools returned, likewise."""
    history: tuple[str, ...]
    """Every text of the user in the whole conversation."""
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A piece of the answer's words."""

    words: str


@dataclass(frozen=True)
class Call:
    """One whole call of a tool."""

    name: str
    given: Json
    id: str = field(default_factory=lambda: f"call_{next(_numbers):08d}")


Part = Text | Call


class Dialect(Protocol):
    """One way of asking and answering."""

    name: str

    def asked(self, path: str, body: Json) -> Asked: ...
    def stream(self, asked: Asked, parts: Iterable[Part]) -> Iterator[bytes]:
        """The answer as server-sent events, each as soon as its part is there."""
        ...

    def whole(self, asked: Asked, parts: Iterable[Part]) -> Json: ...
    def refusal(self, status: int, message: str) -> Json: ...


def dialect_of(path: str) -> Dialect | None:
    """The dialect that a request to *path* is spoken in."""
    path = urlsplit(path).path
    if path.endswith("/messages"):
        return Anthropic()
    if path.endswith("/chat/completions"):
        return Chat()
    if path.endswith("/responses"):
        return Responses()
    if path.rpartition(":")[2] in {"generateContent", "streamGenerateContent"}:
        return Gemini()
    return None


class Anthropic:
    name = "anthropic"
    _KINDS: ClassVar = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
              429: "rate_limit_error", 529: "overloaded_error"}  # fmt: skip

    def asked(self, path: str, body: Json) -> Asked:
        turns = [(turn["role"], _blocks(turn["content"])) for turn in body["messages"]]
        return Asked(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            texts=tuple(_said(_last_turns(turns))),
            results=tuple(_returned(_last_turns(turns))),
            history=tuple(_said(blocks for role, blocks in turns if role == "user")),
            tools=tuple(str(tool.get("name")) for tool in body.get("tools") or ()),
        )

    def stream(self, asked: Asked, parts: Iterable[Part]) -> Iterator[bytes]:
        message = {**self._frame(asked), "content": [], "stop_reason": None, "stop_sequence": None}
        yield _event({"type": "message_start", "message": message})
        index, open_text, called, length = 0, False, False, 0
        for part in parts:
            length += 1
            if isinstance(part, Text):
                if not open_text:
                    block: Json = {"type": "text", "text": ""}
                    yield _event({"type": "content_block_start", "index": index, "content_block": block})
                    open_text = True
                delta: Json = {"type": "text_delta", "text": part.words}
                yield _event({"type": "content_block_delta", "index": index, "delta": delta})
                continue
            if open_text:
                yield _event({"type": "content_block_stop", "index": index})
                index, open_text = index + 1, False
            called = True
            block = {"type": "tool_use", "id": "toolu_" + part.id, "name": part.name, "input": {}}
            yield _event({"type": "content_block_start", "index": index, "content_block": block})
            delta = {"type": "input_json_delta", "partial_json": json.dumps(part.given)}
            yield _event({"type": "content_block_delta", "index": index, "delta": delta})
            yield _event({"type": "content_block_stop", "index": index})
            index += 1
        if open_text:
            yield _event({"type": "content_block_stop", "index": index})
        ending = {"stop_reason": "tool_use" if called else "end_turn", "stop_sequence": None}
        yield _event({"type": "message_delta", "delta": ending, "usage": {"output_tokens": length}})
        yield _event({"type": "message_stop"})

    def whole(self, asked: Asked, parts: Iterable[Part]) -> Json:
        given = list(parts)
        calls = [part for part in given if isinstance(part, Call)]
        words = _words(given)
        content: list[Json] = [{"type": "text", "text": words}] if words else []
        content += [{"type": "tool_use", "id": "toolu_" + c.id, "name": c.name, "input": c.given} for c in calls]
        ending = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
        return {**self._frame(asked), "content": content, **ending}

    def refusal(self, status: int, message: str) -> Json:
        kind = self._KINDS.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}

    def _frame(self, asked: Asked) -> Json:
        usage = {"input_tokens": 10, "output_tokens": 1}
        return {"id": _new("msg"), "type": "message", "role": "assistant", "model": asked.model, "usage": usage}


class Chat:
    name = "chat"

    def asked(self, path: str, body: Json) -> Asked:
        turns = [(turn["role"], _chat_blocks(turn)) for turn in body["messages"]]
        return Asked(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            texts=tuple(_said(_last_turns(turns))),
            results=tuple(_returned(_last_turns(turns))),
            history=tuple(_said(blocks for role, blocks in turns if role == "user")),
            tools=tuple(str(tool.get("function", {}).get("name")) for tool in body.get("tools") or ()),
        )

    def stream(self, asked: Asked, parts: Iterable[Part]) -> Iterator[bytes]:
        frame = {**self._frame(asked), "object": "chat.completion.chunk"}
        calls = 0
        yield _data({**frame, "choices": [_choice(delta={"role": "assistant", "content": ""})]})
        for part in parts:
            if isinstance(part, Text):
                yield _data({**frame, "choices": [_choice(delta={"content": part.words})]})
            else:
                yield _data({**frame, "choices": [_choice(delta={"tool_calls": [self._call(part, calls)]})]})
                calls += 1
        ending = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}
        yield _data({**frame, "choices": [ending]})
        yield _data({**frame, "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    def whole(self, asked: Asked, parts: Iterable[Part]) -> Json:
        given = list(parts)
        calls = [self._call(part, n) for n, part in enumerate(p for p in given if isinstance(p, Call))]
        message: Json = {"role": "assistant", "content": _words(given) or None}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        return {**self._frame(asked), "object": "chat.completion", "choices": [choice], "usage": self._usage()}

    def refusal(self, status: int, message: str) -> Json:
        return _openai_refusal(status, message)

    def _frame(self, asked: Asked) -> Json:
        return {"id": _new("chatcmpl"), "created": 0, "model": asked.model}

    def _call(self, part: Call, index: int) -> Json:
        function = {"name": part.name, "arguments": json.dumps(part.given)}
        return {"index": index, "id": part.id, "type": "function", "function": function}

    def _usage(self) -> Json:
        return {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}


class Responses:
    name = "responses"

    def asked(self, path: str, body: Json) -> Asked:
        given = body["input"]
        items: list[Json] = [{"role": "user", "content": given}] if isinstance(given, str) else given
        turns = [_response_turn(item) for item in items]
        return Asked(
            model=str(body["model"]),
            stream=bool(body.get("stream")),
            texts=tuple(_said(_last_turns(turns))),
            results=tuple(_returned(_last_turns(turns))),
            history=tuple(_said(blocks for role, blocks in turns if role == "user")),
            tools=tuple(str(tool.get("name") or tool.get("type")) for tool in body.get("tools") or ()),
        )

    def stream(self, asked: Asked, parts: Iterable[Part]) -> Iterator[bytes]:
        frame = self._frame(asked)
        yield _event({"type": "response.created", "response": {**frame, "status": "in_progress", "output": []}})
        output: list[Json] = []
        message, words = "", ""
        for part in parts:
            if isinstance(part, Text):
                if not message:
                    message, words = _new("msg"), ""
                    item = {"type": "message", "id": message, "role": "assistant", "content": []}
                    yield _event({"type": "response.output_item.added", "output_index": len(output), "item": item})
                words += part.words
                at = {"item_id": message, "output_index": len(output), "content_index": 0}
                yield _event({"type": "response.output_text.delta", **at, "delta": part.words})
                continue
            if message:
                yield from self._done(output, self._message(message, words))
                message = ""
            item = self._call(part)
            yield _event({"type": "response.output_item.added", "output_index": len(output), "item": item})
            yield from self._done(output, item)
        if message:
            yield from self._done(output, self._message(message, words))
        ended = {**frame, "status": "completed", "output": output}
        yield _event({"type": "response.completed", "response": ended})

    def whole(self, asked: Asked, parts: Iterable[Part]) -> Json:
        given = list(parts)
        words = _words(given)
        output = [self._message(_new("msg"), words)] if words else []
        output += [self._call(part) for part in given if isinstance(part, Call)]
        return {**self._frame(asked), "status": "completed", "output": output}

    def refusal(self, status: int, message: str) -> Json:
        return _openai_refusal(status, message)

    def _frame(self, asked: Asked) -> Json:
        usage = {"input_tokens": 10, "output_tokens": 1, "total_tokens": 11,
                 "input_tokens_details": {"cached_tokens": 0},
                 "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
        return {"id": _new("resp"), "object": "response", "created_at": 0, "model": asked.model, "usage": usage}

    def _message(self, id_: str, words: str) -> Json:
        content = [{"type": "output_text", "text": words, "annotations": []}]
        return {"type": "message", "id": id_, "role": "assistant", "status": "completed", "content": content}

    def _call(self, part: Call) -> Json:
        return {"type": "function_call", "id": "fc_" + part.id, "call_id": part.id, "name": part.name,
                "arguments": json.dumps(part.given), "status": "completed"}  # fmt: skip

    def _done(self, output: list[Json], item: Json) -> Iterator[bytes]:
        yield _event({"type": "response.output_item.done", "output_index": len(output), "item": item})
        output.append(item)


class Gemini:
    name = "gemini"
    _KINDS: ClassVar = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED",
              429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}  # fmt: skip

    def asked(self, path: str, body: Json) -> Asked:
        model, _, verb = urlsplit(path).path.rpartition("/")[2].partition(":")
        turns = [(turn.get("role", "user"), _gemini_blocks(turn.get("parts", ()))) for turn in body["contents"]]
        declared = [tool for group in body.get("tools") or () for tool in group.get("functionDeclarations", ())]
        return Asked(
            model=model,
            stream=verb.startswith("stream"),
            texts=tuple(_said(_last_turns(turns))),
            results=tuple(_returned(_last_turns(turns))),
            history=tuple(_said(blocks for role, blocks in turns if role == "user")),
            tools=tuple(str(tool.get("name")) for tool in declared),
        )

    def stream(self, asked: Asked, parts: Iterable[Part]) -> Iterator[bytes]:
        for part in parts:
            yield _data(self._answer(asked, [self._part(part)], None))
        yield _data(self._answer(asked, [{"text": ""}], "STOP"))

    def whole(self, asked: Asked, parts: Iterable[Part]) -> Json:
        given = list(parts)
        whole: list[Part] = [Text(words)] if (words := _words(given)) else []
        calls = [part for part in given if isinstance(part, Call)]
        return self._answer(asked, [self._part(part) for part in (*whole, *calls)], "STOP")

    def refusal(self, status: int, message: str) -> Json:
        return {"error": {"code": status, "message": message, "status": self._KINDS.get(status, "UNKNOWN")}}

    def _part(self, part: Part) -> Json:
        if isinstance(part, Text):
            return {"text": part.words}
        return {"functionCall": {"id": part.id, "name": part.name, "args": part.given}}

    def _answer(self, asked: Asked, parts: list[Json], ending: str | None) -> Json:
        candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
        if ending:
            candidate["finishReason"] = ending
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 1, "totalTokenCount": 11}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model}


# Blocks: ("text", words) or ("result", words), whatever the dialect calls them.
Block = tuple[str, str]
Turn = tuple[str, list[Block]]


def _blocks(content: str | list[Json]) -> list[Block]:
    if isinstance(content, str):
        return [("text", content)]
    found: list[Block] = []
    for block in content:
        if block.get("type") in {"text", "input_text", "output_text"}:
            found.append(("text", str(block["text"])))
        elif block.get("type") == "tool_result":
            inner = block.get("content") or ""
            found.append(("result", "".join(words for _, words in _blocks(inner))))
    return found


def _chat_blocks(turn: Json) -> list[Block]:
    blocks = _blocks(turn.get("content") or "")
    if turn["role"] == "tool":
        return [("result", "".join(words for _, words in blocks))]
    return blocks


def _response_turn(item: Json) -> Turn:
    kind = item.get("type", "message")
    if kind == "message":
        return str(item["role"]), _blocks(item["content"])
    if kind.endswith("_output"):
        output = item.get("output") or ""
        words = "".join(w for _, w in _blocks(output)) if isinstance(output, str | list) else json.dumps(output)
        return "tool", [("result", words)]
    return "assistant", []


def _gemini_blocks(parts: Iterable[Json]) -> list[Block]:
    found: list[Block] = []
    for part in parts:
        if "functionResponse" in part:
            found.append(("result", json.dumps(part["functionResponse"].get("response"))))
        elif "text" in part:
            found.append(("text", str(part["text"])))
    return found


def _last_turns(turns: list[Turn]) -> list[list[Block]]:
    """The blocks of user and tools behind the model's last words."""
    last: list[list[Block]] = []
    for role, blocks in reversed(turns):
        if role in {"assistant", "model"}:
            break
        if role in {"user", "tool"}:
            last.insert(0, blocks)
    return last


def _said(turns: Iterable[list[Block]]) -> Iterator[str]:
    return (words for blocks in turns for kind, words in blocks if kind == "text")


def _returned(turns: Iterable[list[Block]]) -> Iterator[str]:
    return (words for blocks in turns for kind, words in blocks if kind == "result")


def _words(parts: Iterable[Part]) -> str:
    return "".join(part.words for part in parts if isinstance(part, Text))


def _choice(delta: Json) -> Json:
    return {"index": 0, "delta": delta, "finish_reason": None}


def _openai_refusal(status: int, message: str) -> Json:
    kinds = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    return {"error": {"message": message, "type": kinds.get(status, "server_error"), "code": kinds.get(status)}}


def _event(said: Json) -> bytes:
    return f"event: {said['type']}\n".encode() + _data(said)


def _data(said: Json) -> bytes:
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def _new(kind: str) -> str:
    return f"{kind}_{next(_numbers):012d}"
