"""The connections of a client, made when they are first needed and kept until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

from .doors import AsyncConnections, AsyncDoor, AsyncGiven, Connections, Door, Given
from .failures import SENDING_ERRORS


class _WithoutHeaders(logging.Filter):
    """httpcore logs the headers of answers at DEBUG: a server may echo a token there, and cookies are secrets too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut what the headers are; that they came is still told."""
        if isinstance(record.msg, str) and "headers.complete" in record.msg:
            record.msg = record.msg.partition(" return_value=")[0]
        return True


_LAST = 2.0  # seconds that closing may take

for _name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_WithoutHeaders())


class Pools:
    """Two doors, one for each driver, and the loop on which the second one lives."""

    def __init__(self, given: Any = None) -> None:
        self._given = given
        self._lock = threading.Lock()
        self._blocking: Door | None = None
        self._background: AsyncDoor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def blocking(self) -> Door:
        """The door for whoever waits."""
        with self._lock:
            if self._blocking is None:
                self._blocking = Connections() if self._given is None else Given(self._given)
            return self._blocking

    def background(self) -> AsyncDoor:
        """The door of the loop; asked for on the loop's thread alone."""
        if self._background is None:
            self._background = AsyncConnections() if self._given is None else AsyncGiven(self._given)
        return self._background

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, on a daemon thread of its own."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="astro_nb-client", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """End what is under way, close what was made here, and end the thread; safe to call twice."""
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
            blocking, self._blocking = self._blocking, None
            background, self._background = self._background, None
        if loop is not None:
            with contextlib.suppress(*SENDING_ERRORS, TimeoutError):  # nobody is left to tell
                asyncio.run_coroutine_threadsafe(_ended(background), loop).result(_LAST)
            loop.call_soon_threadsafe(loop.stop)
            if thread is not None and thread is not threading.current_thread():
                thread.join(_LAST)  # what it sent is held by it until it ends
        if blocking is not None:
            blocking.close()


async def _ended(door: AsyncDoor | None) -> None:
    """Cancel every task of the loop, so that whoever waits for one is told, and close the door."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_LAST / 2)
    if door is not None:
        await door.aclose()
