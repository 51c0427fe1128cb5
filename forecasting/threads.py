"""Work in threads, as many as there are cores to work on, each with one BLAS thread.

Products of small parts are where a core is best used: threads of BLAS would wait longer for each other than they work.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def in_threads(work: Callable[[_Part], _Result], parts: Sequence[_Part]) -> list[_Result]:
    """What a function gives for each of some parts, in their order; an error in one of them is raised.

    Where there is one part only, and where this is called within such work, no further thread begins.
    """
    with one_blas_thread():
        if len(parts) < 2 or getattr(_Here, "working", False):
            return [work(part) for part in parts]
        with ThreadPoolExecutor(min(len(parts), _cores()), initializer=_begin) as threads:
            return list(threads.map(work, parts))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One BLAS thread while any call of this is under way: the setting is that of the whole process."""
    with _Limit.lock:
        if not _Limit.calls:
            _Limit.held = _limit()
        _Limit.calls += 1
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.calls -= 1
            if not _Limit.calls:
                _restore()


_Here = threading.local()


def _begin() -> None:
    _Here.working = True


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Limit:
    """How many calls are under way in this process, and the limit that they share."""

    lock = threading.Lock()
    calls = 0
    held: Any = None


@cache
def _libraries() -> "ThreadpoolController":
    """The BLAS libraries of this process; looking for them takes longer than many a forecast."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _limit() -> Any:
    """Begin the limit. Threads come and go here: none of them stays the only one whose settings count."""
    from threadpoolctl import OpenBLASController

    held = _libraries().limit(limits=1, user_api="blas")
    OpenBLASController.clear_controlling_thread(force=True)
    return held


def _restore() -> None:
    from threadpoolctl import OpenBLASController

    _Limit.held.restore_original_limits()
    OpenBLASController.clear_controlling_thread(force=True)


def _after_fork() -> None:
    """In a process that was forked from this one, the threads that worked are not there."""
    _Limit.lock, _Here.working = threading.Lock(), False
    if _Limit.calls:
        _Limit.calls = 0
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
