"""The scripted model: what is asked stands in its log word for word, and its script is what answers."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.agents.model import MAIN, SIDE, Lane, Model, Step

TEXT = "one `two` $three\n\tfour \u00e9\U0001f600 \u200d"


def anthropic(text: str, model: str = MAIN, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/messages", {"model": model, "messages": [{"role": "user", "content": text}], **more}


def chat(text: str, model: str = MAIN, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}], **more}


def responses(text: str, model: str = MAIN, **more: Any) -> tuple[str, dict[str, Any]]:
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return "/v1/responses", {"model": model, "input": [said], **more}


def gemini(text: str, model: str = MAIN, *, stream: bool = False) -> tuple[str, dict[str, Any]]:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}]}


ALL = pytest.mark.parametrize("ask", [anthropic, chat, responses, gemini], ids=lambda ask: ask.__name__)


def post(url: str, body: object) -> str:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def said(model: Model, lane: Lane, asked: tuple[str, dict[str, Any]]) -> str:
    return post(model.url(lane.name) + asked[0], asked[1])


@ALL
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_asked_is_logged_word_for_word_and_answered_by_the_script(ask: Any, stream: bool, model: Model) -> None:
    lane = model.lane("dev")
    lane.script(Step(text="a scripted answer", chunk=4), Step(tool="bash", given={"command": "ls -l"}))
    first, second, third = (said(model, lane, ask(TEXT, stream=stream)) for _ in range(3))
    assert lane.prompts() == [TEXT] * 3
    assert lane.conversation == [TEXT]
    assert ("scri" in first) if stream else ("a scripted answer" in first)
    assert "bash" in second
    assert "ls -l" in second
    assert "ok" in third


@ALL
def test_side_requests_use_up_no_step(ask: Any, model: Model) -> None:
    lane = model.lane("dev")
    lane.script(Step(text="for the main model"))
    assert "for the main model" not in said(model, lane, ask("a title, please", SIDE))
    assert "for the main model" in said(model, lane, ask("hello"))
    assert lane.prompts() == ["hello"]


@ALL
@pytest.mark.parametrize("status", [401, 429, 500, 529])
def test_an_error_is_told_in_the_words_of_its_api(ask: Any, status: int, model: Model) -> None:
    lane = model.lane("dev")
    lane.script(Step(status=status, text="not now", headers={"retry-after": "7"}))
    with pytest.raises(urllib.error.HTTPError) as refused:
        said(model, lane, ask("hello"))
    with refused.value as error:
        assert error.code == status
        assert error.headers["retry-after"] == "7"
        assert json.loads(error.read())["error"]["message"] == "not now"
    assert lane.settled() == [str(status)]


@ALL
def test_a_cut_answer_is_no_whole_one(ask: Any, model: Model) -> None:
    lane = model.lane("dev")
    lane.script(Step(text="half an answer", cut=True))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        said(model, lane, ask("hello", stream=True))
    assert lane.settled() == ["cut"]


def test_lanes_know_nothing_of_each_other(model: Model) -> None:
    one, other = model.lane("one"), model.lane("other")
    one.script(Step(text="only for one"))
    assert "only for one" not in said(model, other, chat("hello"))
    assert one.prompts() == []


def test_a_held_answer_comes_when_it_is_released_from_another_process(model: Model) -> None:
    lane = model.lane("dev")
    assert post(model.url("dev") + "/script", [{"text": "late", "hold": 60}]) == "{}"
    path, body = chat("hello")
    waiting = http.client.HTTPConnection("127.0.0.1", model.port, timeout=10)
    waiting.request("POST", f"/lane/dev{path}", json.dumps(body), {"Content-Type": "application/json"})
    lane.wait_for("hello")
    assert lane.requests[0].answer == "waiting"
    post(model.url("dev") + "/release", {})
    assert "late" in waiting.getresponse().read().decode()
    waiting.close()


def test_a_step_with_a_key_that_is_not_known_is_refused(model: Model) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(model.url("dev") + "/script", [{"txt": "late"}])
    with refused.value as error:
        assert "txt" in json.loads(error.read())["error"]
