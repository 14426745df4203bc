"""Fewer calls at once after a 429, one more after fifty clean replies, none once stopped."""

from __future__ import annotations

import threading

from engine.teachers.pace import Pace, Tempo


def test_it_halves_to_one_and_grows_by_one_after_fifty_clean_replies() -> None:
    pace = Pace()
    seen = [pace.limit]
    for _ in range(4):
        pace.halve()
        seen.append(pace.limit)
    assert seen == [8, 4, 2, 1, 1]
    for _ in range(49):
        pace.clean()
    assert pace.limit == 1
    pace.clean()
    assert pace.limit == 2
    for _ in range(1000):
        pace.clean()
    assert pace.limit == 8


def test_a_429_starts_the_count_of_clean_replies_again() -> None:
    pace = Pace(4)
    pace.halve()
    for _ in range(49):
        pace.clean()
    pace.halve()
    pace.clean()
    assert pace.limit == 1


def test_no_more_than_the_limit_are_under_way() -> None:
    pace, lock = Pace(3), threading.Lock()
    under_way, most = [0], [0]

    def work() -> None:
        for _ in range(50):
            with pace.slot():
                with lock:
                    under_way[0] += 1
                    most[0] = max(most[0], under_way[0])
                with lock:
                    under_way[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most[0] <= 3


def test_stop_wakes_everybody_and_keeps_the_first_reason() -> None:
    pace, leaves = Pace(1), []

    def work() -> None:
        with pace.slot() as may_send:
            leaves.append(may_send)

    with pace.slot():
        waiting = threading.Thread(target=work)
        waiting.start()
        pace.stop("no key")
        pace.stop("later")
        waiting.join(60)
    assert leaves == [False]
    assert pace.why == "no key"
    assert pace.rest(60) is False


def test_waits_double_up_to_the_longest() -> None:
    assert [Tempo().wait(attempt) for attempt in (0, 1, 2, 5, 9)] == [0.5, 1.0, 2.0, 16.0, 30.0]
