"""The wire: what is packed comes back, and nonsense is refused."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.control.wire import Address, pack, pack_error, unpack, unpack_error
from agentctl.domain import errors

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values))
def test_a_message_is_one_line_and_comes_back(message: dict[str, object]) -> None:
    line = pack(message)
    assert line.count(b"\n") == 1
    assert unpack(line) == message


@given(st.binary(max_size=200))
def test_nonsense_is_refused_in_words(line: bytes) -> None:
    try:
        assert isinstance(unpack(line), dict)
    except errors.UsageError as error:
        assert error.message  # noqa: PT017  both outcomes are right


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(errors.UsageError):
        unpack(b"[" * 100_000)


@pytest.mark.parametrize(
    "kind", [getattr(errors, name) for name in dir(errors) if isinstance(getattr(errors, name), type)]
)
def test_every_error_comes_back_as_itself(kind: type[errors.AgentctlError]) -> None:
    back = unpack_error(pack_error(kind("what", hint="next")))
    assert (type(back), back.message, back.hint, back.exit_code) == (kind, "what", "next", kind.exit_code)


def test_an_error_of_a_newer_version_is_an_error_still() -> None:
    back = unpack_error({"kind": "SomethingNew", "message": "m"})
    assert type(back) is errors.AgentctlError
    assert type(unpack_error({"kind": "annotations", "message": "m"})) is errors.AgentctlError


def test_a_socket_deep_in_folders_can_be_reached(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    path = str(deep / "s.sock")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with Address(path) as address:
            server.bind(address)
        server.listen()
        with Address(path) as address:
            client.connect(address)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
