"""The cap is never passed by one call, whoever asks at once; a reply that arrived is never asked again."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from engine.models.investigation import Investigation, PaidBatch, PaidReply, Reservation
from engine.store import replies
from engine.store.replies import Elsewhere, Held, Short
from tests.builders import a_feature_row
from tests.meddling import meddling

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
RUN = "inv-abcdefgh"


@pytest.fixture(autouse=True)
def run(database) -> None:
    with database.write() as tx:
        feature = a_feature_row(tx, NOW)
        tx.add(Investigation(run_id=RUN, feature_id=feature.id, budget_nano=1000, requested_by="U1", created_at=NOW))


def wanted(key: str, amount: int = 100, run_id: str = RUN, at: datetime = NOW) -> Reservation:
    return Reservation(key=key, run_id=run_id, amount_nano=amount, at=at)


def arrived(key: str, cost: int | None = 60, run_id: str = RUN) -> PaidReply:
    return PaidReply(
        key=key,
        run_id=run_id,
        base_url="http://x",
        model="m",
        text="bug",
        tokens_in=20,
        tokens_out=2,
        cost_nano=cost,
        latency_ms=1,
        at=NOW,
    )


def reserve(database, *args, budget: int = 250, **more):
    with database.write() as tx:
        return replies.reserve(tx, wanted(*args, **more), budget_nano=budget)


def settle(database, reply: PaidReply) -> None:
    with database.write() as tx:
        replies.settle(tx, reply)


def one_call(database, key: str, amount: int, budget: int) -> bool:
    return reserve(database, key, amount, budget=budget) == Held()


def a_batch(database, key: str, amount: int, budget: int) -> bool:
    batch = PaidBatch(token=key, run_id=RUN, base_url="http://x", model="m", calls=0, at=NOW)
    with database.write() as tx:
        return bool(replies.hold_batch(tx, batch, [wanted(key, amount)], budget_nano=budget))


def test_the_worst_case_is_held_until_the_reply_is_booked(database) -> None:
    assert reserve(database, "a") == Held()
    assert reserve(database, "b") == Held()
    assert reserve(database, "c") == Short(0, 200)
    settle(database, arrived("a"))
    assert reserve(database, "c") == Short(60, 100)
    settle(database, arrived("b", cost=40))
    assert reserve(database, "c") == Held()


def test_a_call_that_fits_to_the_last_nano_dollar_is_sent(database) -> None:
    assert reserve(database, "a", 250) == Held()
    assert reserve(database, "b", 1) == Short(0, 250)


def test_a_booked_reply_is_given_back_to_any_run_and_stays_as_it_is(database) -> None:
    settle(database, arrived("a"))
    settle(database, arrived("a", cost=1))
    found = reserve(database, "a", run_id="inv-other000")
    assert isinstance(found, PaidReply)
    assert (found.run_id, found.cost_nano) == (RUN, 60)
    with database.read() as tx:
        assert replies.bill(tx, RUN) == replies.Bill(1, 20, 2, 60)
        assert replies.bill(tx, "inv-other000") == replies.Bill(0, 0, 0, 0)
        assert set(replies.find(tx, ["a", *(f"k{number}" for number in range(2000))])) == {"a"}


def test_the_same_call_is_under_way_once(database) -> None:
    assert reserve(database, "a") == Held()
    assert reserve(database, "a", run_id="inv-other000") == Elsewhere()
    with database.write() as tx:
        replies.release(tx, "a")
    assert reserve(database, "a", run_id="inv-other000") == Held()


def test_what_a_dead_process_held_is_freed_and_what_it_paid_stays(database) -> None:
    settle(database, arrived("a"))
    reserve(database, "b")
    reserve(database, "c", run_id="inv-other000")
    reserve(database, "d", run_id="inv-other000", at=NOW - timedelta(hours=1))
    with database.write() as tx:
        assert replies.release_lost(tx, RUN, older_than=NOW - timedelta(minutes=15)) == 2
    assert isinstance(reserve(database, "a"), PaidReply)
    assert reserve(database, "b") == Held()
    assert reserve(database, "c") == Elsewhere()


def test_an_unpriced_reply_counts_as_a_call_and_no_money(database) -> None:
    settle(database, arrived("a", cost=None))
    with database.read() as tx:
        assert replies.bill(tx, RUN) == replies.Bill(1, 20, 2, 0)


def test_sixteen_threads_never_pass_the_cap_and_never_send_one_call_twice(database) -> None:
    budget, sent, most = 2_000, [], []
    keys = [f"k{number}" for number in range(40)]

    def work(seed: int) -> None:
        draw = random.Random(seed)
        for key in draw.sample(keys, len(keys)):
            amount = draw.randint(50, 150)
            if reserve(database, key, amount, budget=budget) == Held():
                sent.append(key)
                with database.read() as tx:
                    most.append(replies.bill(tx, RUN).nano_usd)
                settle(database, arrived(key, cost=draw.randint(amount // 2, amount)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        bill = replies.bill(tx, RUN)
    assert len(sent) == len(set(sent)) == bill.paid_calls > 10
    assert max(most) <= bill.nano_usd <= budget
    assert bill.nano_usd > budget - 150


@pytest.mark.parametrize("moment", range(10))
@pytest.mark.parametrize("take", [one_call, a_batch])
def test_a_reply_booked_at_any_moment_of_a_reservation_is_counted_and_not_asked_again(database, take, moment) -> None:
    reserve(database, "mine", 150)
    reserve(database, "theirs", run_id="inv-other000")
    for key, budget in (("mine", 250), ("theirs", 10_000)):
        reply = arrived(key, cost=150)
        with meddling(database, moment, lambda other, reply=reply: settle(other, reply)):
            assert not take(database, "new" if key == "mine" else key, 150, budget), key


def test_a_reply_that_two_passes_book_at_one_moment_is_booked_once(database) -> None:
    with meddling(database, "INSERT INTO paid_reply", lambda other: settle(other, arrived("a", cost=60))):
        settle(database, arrived("a", cost=60))
    with database.read() as tx:
        assert replies.bill(tx, RUN) == replies.Bill(1, 20, 2, 60)


def test_what_investigations_paid_in_a_month_is_summed_by_feature(database) -> None:
    settle(database, arrived("a"))
    settle(database, arrived("b", cost=None))
    settle(database, arrived("c", run_id="nobody"))
    with database.read() as tx:
        (spent,) = replies.spent(tx, NOW, NOW + timedelta(seconds=1)).values()
        assert spent == (2, 60)
        assert replies.spent(tx, NOW - timedelta(days=1), NOW) == {}


def test_a_batch_holds_what_fits_stays_held_when_its_process_dies_and_frees_all_at_its_end(database) -> None:
    settle(database, arrived("paid"))
    assert reserve(database, "alone", budget=1_000) == Held()
    offered = [wanted(key) for key in ("paid", "alone", "a", "b", "c")]
    for row in offered:
        row.batch = "t"
    batch = PaidBatch(token="t", run_id=RUN, base_url="http://x", model="m", calls=0, at=NOW)
    with database.write() as tx:
        held = replies.hold_batch(tx, batch, offered, budget_nano=60 + 100 + 200)
    assert held == ["a", "b"]
    with database.write() as tx:
        assert replies.release_lost(tx, RUN, older_than=NOW + timedelta(days=1)) == 1, "the call of its own alone"
        assert set(replies.held_of(tx, "t")) == {"a", "b"}
    settle(database, arrived("a"))
    with database.write() as tx:
        assert set(replies.held_of(tx, "t")) == {"b"}
        replies.end_batch(tx, "t")
        assert replies.batches(tx, RUN) == []
    assert reserve(database, "b", budget=60 + 60 + 100) == Held()
