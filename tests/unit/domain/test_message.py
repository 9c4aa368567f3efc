"""A message only ever moves as the table says, and what is over stays over unless a person asks again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.errors import IllegalMove
from agentctl.domain.message import MESSAGE_MOVES, OVER, WAITING, Message, MessageState
from agentctl.domain.names import AgentId

MESSAGE = Message("1c9e04ab", AgentId("web/dev"), "do it", "person")


def test_every_state_has_its_moves() -> None:
    assert set(MESSAGE_MOVES) == set(MessageState)


@given(st.lists(st.sampled_from(MessageState), max_size=30))
def test_only_the_moves_of_the_table_are_made(wishes: list[MessageState]) -> None:
    message = MESSAGE
    for wish in wishes:
        if wish in MESSAGE_MOVES[message.state]:
            message = message.move(wish)
            assert message.state is wish
        else:
            with pytest.raises(IllegalMove):
                message.move(wish)


def test_a_message_that_was_seen_is_never_typed_again() -> None:
    reachable, todo = set(), [MessageState.SEEN]
    while todo:
        state = todo.pop()
        reachable.add(state)
        todo += [to for to in MESSAGE_MOVES[state] if to not in reachable and state not in OVER]
    assert not reachable & (WAITING | {MessageState.TYPED})


def test_what_was_typed_waits_again_only_by_way_of_being_queued() -> None:
    assert MessageState.HELD not in MESSAGE_MOVES[MessageState.TYPED] | MESSAGE_MOVES[MessageState.UNSEEN]
