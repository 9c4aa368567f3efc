"""Waiting on a file descriptor, such as a pidfd or a socket, without a thread and without polling."""

from __future__ import annotations

import asyncio


async def readable(descriptor: int) -> None:
    """Return as soon as *descriptor* can be read from."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
