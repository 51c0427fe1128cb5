"""Work in threads: in order, with its errors, and no threads within threads."""

import os
import threading
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from forecasting.threads import in_threads


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_results_come_in_the_order_of_the_parts():
    def late_first(part: int) -> int:
        time.sleep(0.02 * (part == 0))
        return part * part

    assert in_threads(late_first, range(5)) == [0, 1, 4, 9, 16]
    assert in_threads(late_first, []) == []


def test_one_part_is_worked_on_where_it_is_asked_for():
    assert in_threads(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]
    assert threading.current_thread() not in in_threads(lambda _: threading.current_thread(), [1, 2])


def test_work_within_work_begins_no_further_thread():
    def outer(_: int) -> list[bool]:
        here = threading.current_thread()
        return in_threads(lambda _: threading.current_thread() is here, range(3))

    assert in_threads(outer, range(4)) == [[True] * 3] * 4


def test_callers_that_overlap_leave_the_number_of_threads_as_it_was():
    """The first to come is not the last to go, and both live on."""
    before, first, second, out, end = blas_threads(), *(threading.Event() for _ in range(4))

    def one() -> None:
        in_threads(lambda _: (first.set(), second.wait(10)), [1])
        out.set()
        end.wait(10)

    def other() -> None:
        first.wait(10)
        in_threads(lambda _: (second.set(), out.wait(10)), [1])

    threads = [threading.Thread(target=caller) for caller in (one, other)]
    for thread in threads:
        thread.start()
    threads[1].join(10)
    try:
        assert out.is_set()
        assert blas_threads() == before
        assert in_threads(lambda _: blas_threads(), [1]) == [{1}]
        assert blas_threads() == before
    finally:
        end.set()
        threads[0].join(10)


def test_after_a_call_in_one_thread_others_can_set_their_own_limits():
    in_threads(lambda part: part, [1])
    seen = []

    def other() -> None:
        with threadpool_limits(1, "blas"):
            seen.append(blas_threads())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(10)
    assert seen == [{1}]


def test_a_process_that_is_forked_meanwhile_works_and_has_as_many_threads_as_before():
    before = blas_threads()

    def forked(_: int) -> int:
        child = os.fork()
        if not child:
            same = blas_threads() == before and in_threads(lambda part: part, range(3)) == [0, 1, 2]
            os._exit(0 if same else 1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert in_threads(forked, range(2)) == [0, 0]


def test_while_it_lasts_blas_has_one_thread_and_then_as_many_as_before_even_after_an_error():
    before = blas_threads()

    def fails(part: int) -> None:
        assert blas_threads() == {1}
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 0"):
        in_threads(fails, range(2))
    assert blas_threads() == before
