"""Messages of every kind reach real programs once and as they were sent, and are known to have arrived.

The short form; `benchmarks/arrival.py` sends a hundred to each, and the same in the naive way beside it.
"""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.agents.arrival import KINDS, Tally, begin, exchange, judge, prompts
from tests.agents.model import Model
from tests.agents.stage import AgentStage

SHORT = 12


@pytest.mark.agents
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stage", ["claude", "codex", "opencode", "aider", "pi"], indirect=True)
def test_what_is_sent_arrives_once_whole_and_is_seen(stage: AgentStage) -> None:
    begin(stage)
    tally = exchange(stage, SHORT)
    assert tally.faults == {}, "\n".join(tally.notes)
    assert tally.sent == SHORT


def test_what_became_of_a_message_is_told_by_what_reached_the_model(model: Model) -> None:
    lane, (good, twice, cut, other, gone) = model.lane("dev"), [f"{number:08x}" for number in range(5)]
    prompt = next(iter(prompts(1)))
    sent = [(id_, prompt) for id_ in (good, twice, cut, other, gone)]
    whole = "[agentctl 7f3a {id} from person] {text} [/{id}]"
    for id_, text in ((good, prompt.text), (twice, prompt.text), (twice, prompt.text), (other, "something else")):
        _ask(model, whole.format(id=id_, text=text))
    _ask(model, f"[agentctl 7f3a {cut} from person] {prompt.text[:9]}")
    tally = Tally()
    judge(tally, lane, sent)
    assert [name[:8] for name in tally.doubled] == [twice]
    assert sorted(name[:8] for name in tally.altered) == [cut, other]
    assert [name[:8] for name in tally.lost] == [gone]


def test_every_kind_of_message_is_sent_in_turn() -> None:
    given = list(prompts(2 * len(KINDS)))
    assert [prompt.kind for prompt in given] == [*KINDS, *KINDS]
    sizes = {prompt.kind: len(prompt.text.encode()) for prompt in given}
    assert (sizes["lines"] > 3000, sizes["long"] > 30_000) == (True, True)


def _ask(model: Model, text: str) -> None:
    body = {"model": "scripted-main", "messages": [{"role": "user", "content": text}], "stream": False}
    request = urllib.request.Request(
        f"{model.url('dev')}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
