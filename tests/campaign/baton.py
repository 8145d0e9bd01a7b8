"""Threads of which one runs at a time, in an order that a seed decides: real blocking code, yet a life can be replayed.

Owns who runs. A task gives the baton away only where it calls `switch`, which must not be while it holds a lock that
another task may want.
"""

import random
import threading
from collections.abc import Callable


class Crash(BaseException):
    """The process dies here. Not an Exception, so that nothing on its way mistakes it for an error it could handle."""


class _Task:
    def __init__(self, name: str, body: Callable[[], None], baton: "Baton") -> None:
        self.turn = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.done = False
        self._body = body
        self._baton = baton
        self.thread = threading.Thread(target=self._go, name=name, daemon=True)

    def _go(self) -> None:
        self.turn.acquire()
        self._baton.mine.task = self
        try:
            if not self._baton.broken:
                self._body()
        except BaseException as error:  # noqa: BLE001 (re-raised by Baton.run in the caller's thread)
            self.error = error
        finally:
            self.done = True
            self._baton.back.release()


class Baton:
    """A set of tasks. `run` returns when all have ended, and raises what the first of them raised."""

    def __init__(self, rng: random.Random, *, stay: float = 0.5) -> None:
        self.back = threading.Semaphore(0)
        self.mine = threading.local()
        self.broken = False
        self._rng = rng
        self._stay = stay
        self._tasks: list[_Task] = []

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """Add a task; it starts when it is chosen for the first time."""
        self._tasks.append(_Task(name, body, self))

    def switch(self, *, surely: bool = False) -> None:
        """Let another task run, or not: the seed decides. Nothing happens outside of a task."""
        task: _Task | None = getattr(self.mine, "task", None)
        if task is None:
            return
        if self.broken:
            raise Crash("another task has failed")
        if not surely and self._rng.random() < self._stay:
            return
        self.back.release()
        task.turn.acquire()
        if self.broken:
            raise Crash("another task has failed")

    def run(self) -> None:
        """Run all tasks to their ends."""
        waiting, self._tasks = self._tasks, []
        error: BaseException | None = None
        for task in waiting:
            task.thread.start()
        while waiting:
            task = self._rng.choice(waiting)
            task.turn.release()
            self.back.acquire()
            if task.done:
                task.thread.join()
                waiting.remove(task)
                if task.error is not None and not self.broken:
                    self.broken, error = True, task.error
        if error is not None:
            raise error
