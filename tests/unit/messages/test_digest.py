"""The month: a total first, then one line a feature, worst first."""

from __future__ import annotations

from bot.blockkit.render import render
from bot.messages import digest, months
from bot.messages.watch import stale
from engine.desk.watch import Clock, StaleView
from tests.unit.messages.reading import kinds


def test_the_worst_comes_first() -> None:
    advice = ["KEEP", "RETIRE", "WATCH", "RETRAIN"]
    lines = tuple(months.look(slug=f"f-{word.lower()}", advice=word) for word in advice)
    found = digest.month(months.digest(lines=lines))

    assert [line.advice for line in found.lines] == ["RETIRE", "RETRAIN", "WATCH", "KEEP"]


def test_twelve_features_are_told_and_the_rest_counted() -> None:
    lines = tuple(months.look(slug=f"feature-{number}", advice="WATCH") for number in range(21))
    text = render(digest.month(months.digest(lines=lines))).said

    assert "21 features, 21 on a tuned model." in text
    assert "and 9 more: /assay features" in text
    assert text.count("watch, saved $690") == 12


def test_a_feature_without_a_verdict_stays_with_prompting() -> None:
    line = months.look(outcome="", advice=None, quality=None, stage="", verdict_days=None, spend_nano=None, calls=None)
    text = render(digest.month(months.digest(lines=(line,)))).said

    assert "ticket-router: stay with prompting; no verdict yet, spend unknown, quality not measured" in text


def test_unknown_sums_are_unknown() -> None:
    line = months.look(calls=None, spend_nano=None, stage="", advice=None)
    found = digest.month(months.digest(lines=(line,), months=()))

    assert "No traffic is known yet." in render(found).said
    assert "data_visualization" not in kinds(render(found).blocks)


def test_traffic_without_prices_has_an_unknown_spend() -> None:
    line = months.look(calls=1200, spend_nano=None, unpriced=1200)

    assert (
        "1,200 calls, spend unknown (1,200 calls have no price)."
        in render(digest.month(months.digest(lines=(line,)))).said
    )


def test_calls_without_a_price_are_counted() -> None:
    assert "(120 calls have no price)" in render(digest.month(months.digest(lines=(months.look(unpriced=120),)))).said


def test_a_quiet_month_is_one_line() -> None:
    found = render(digest.month(months.digest(lines=(months.look(),))))

    assert found.said == (
        "Assay, 2026-10: nothing is to be decided this month. Saved $690: paid $410 where prompting alone would have "
        "cost $1,100. 1 feature, 1 on a tuned model. 4,920,000 calls, calls cost $1,100."
    )
    assert kinds(found.blocks) == ["section", "data_visualization"]


def test_labels_that_do_not_hold_make_a_quiet_month_loud_and_a_month_before_they_were_told_reads() -> None:
    fine = months.look()
    loud = months.digest().lines[1]["people"]
    low, moved = ({**fine["people"], name: loud[name]} for name in ("twice", "again"))
    assert digest.month(months.digest(lines=(fine,))).quiet
    assert not digest.month(months.digest(lines=(months.look(people=low),))).quiet
    assert not digest.month(months.digest(lines=(months.look(people=moved),))).quiet
    old = {name: value for name, value in fine.items() if name != "people"}
    assert digest.month(months.digest(lines=(old,))).lines[0].people is None


def test_thirty_texts_of_one_label_are_not_told_as_too_few() -> None:
    two = {"rows": 40, "least": 30, "kappa": None, "low": None, "high": None, "too_low": None}
    found = render(
        digest.month(months.digest(lines=(months.look(people={"twice": two, "again": None}, advice="WATCH"),)))
    )
    assert "Two people gave 40 texts one and the same label; kappa, which needs two, says nothing." in found.said
    assert "is told from" not in found.said


def test_a_shutdown_a_snooze_or_unknown_money_is_not_quiet() -> None:
    soon = [{"name": "gpt-4o-mini", "side": "prompted", "on": "2027-01-20", "days": 80}]
    snooze = {"by": "U1", "until": "2026-11-30", "reason": "the contract ends"}
    for line in (months.look(shutdowns=soon), months.look(snooze=snooze), months.look(advice=None)):
        assert not digest.month(months.digest(lines=(line,))).quiet


def test_a_manager_reads_what_was_saved_whether_it_is_worth_it_and_what_to_decide() -> None:
    found = render(digest.Month.example())
    first, *_ = found.said.splitlines()

    assert first.startswith("Assay, 2026-10: Saved $1,300: paid $1,300 where prompting alone would have cost $2,600.")
    assert "refund-reason: retire, lost $84 (forecast $810)" in found.said
    assert "2 bad months in a row. From now on keeping costs $500 a month; the best prompted option $420." in found.said
    assert "Ask to retire refund-reason: /assay retire refund-reason" in found.said
    assert "Already spent $6,400 (not used)." in found.said


def test_a_snoozed_line_stays_in_red_with_who_and_why_and_has_no_button() -> None:
    snooze = {"by": "U1", "until": "2026-11-30", "reason": "the contract ends"}
    view = digest.month(months.digest(lines=(months.look(advice="RETIRE", snooze=snooze),)))
    found = render(view)

    assert view.lines[0].advice == "RETIRE", "hidden, never changed"
    assert "ticket-router: snoozed until 2026-11-30" in found.said
    assert "ticket-router snoozed by @U1 until 2026-11-30: the contract ends" in found.said
    assert ":red_circle:" in str(found.blocks)
    assert "actions" not in kinds(found.blocks)


def test_a_digest_that_comes_late_says_so() -> None:
    assert "This digest comes 7 days late" in render(digest.month(months.digest(late_days=7))).said
    assert "late" not in render(digest.month(months.digest())).said


def test_a_part_of_the_bill_without_a_price_is_named() -> None:
    bill = {"total_usd": None, "unknown": ["prompted_usd"]}
    line = months.look(advice=None, saved_usd=None, bill=bill)
    text = render(digest.month(months.digest(lines=(line,)))).said

    assert "no advice: its money is not known, saved: unknown (no price for prompted)" in text
    assert "What was saved is unknown." in text


def test_a_month_still_running_says_so() -> None:
    assert "2026-10 (so far)" in render(digest.month(months.digest(posted=False))).said


def test_a_team_without_features_is_told_how_to_begin() -> None:
    found = render(digest.month(months.digest(lines=())))

    assert "/assay register" in found.said
    assert found.blocks


def test_what_was_saved_what_is_worth_it_and_what_to_decide_stand_in_the_first_lines() -> None:
    said = render(digest.month(months.digest())).said.splitlines()
    assert said[0].startswith("Assay, 2026-10: Saved $1,300: paid $1,300 where prompting alone would have cost $2,600.")
    assert said[1].startswith("Still worth it: reply-draft, ticket-router. No longer worth it: refund-reason.")
    assert said[1].endswith(" To decide: retire refund-reason.")
    watched = months.digest(lines=(months.look(advice="WATCH", advantage=0.05),))
    assert "Still worth it: ticket-router. To decide: nothing this month." in render(digest.month(watched)).said


def test_what_nobody_measured_is_said_in_a_loud_month_and_in_a_quiet_one() -> None:
    voice = dict.fromkeys(("quality", "low", "high", "bar", "broken"))
    audit = {**voice, "rows": 0, "missing": 0, "queue": "", "why": "texts are neither right nor wrong"}
    line = months.look(audit=audit, untried="texts are neither right nor wrong", best_month_usd=None, advantage=1.0)
    assert (
        "Whether it still is as good is not measured: ticket-router."
        in render(digest.month(months.digest(lines=(line,)))).said
    )
    found = render(digest.month(months.digest(lines=({**line, "advice": "WATCH"},)))).said
    assert "no prompted option that was tried is good enough to replace it" in found
    assert "The newest models were not tried: texts are neither right nor wrong." in found
    assert "Whether it still is as good is not measured: texts are neither right nor wrong." in found


def test_an_old_attempt_of_newer_models_or_none_at_all_is_no_fresh_one() -> None:
    def said(**facts: object) -> str:
        return render(digest.month(months.digest(lines=(months.look(advice="WATCH", **facts),)))).said

    assert "last tried" not in said()
    assert "Newer prompted models were last tried in 2026-05." in said(rebaselined="2026-05")
    assert "No newer prompted model has been tried since the verdict" in said(rebaselined=None)


def test_what_is_due_is_told_where_the_money_is_not_known() -> None:
    line = months.look(advice=None, advantage=None, reasons=["95 days since it was trained, 91 planned"])
    found = render(digest.month(months.digest(lines=(line,)))).said
    assert "no advice: its money is not known" in found
    assert "Retraining would be due: 95 days since it was trained, 91 planned." in found


def test_the_clock_calls_nothing_wholly_cheaper_where_no_option_was_good_enough() -> None:
    facts = months.look(best_month_usd=None, advantage=1.0)
    view = stale(StaleView(clocks=(Clock(facts=facts, advantages=(("2026-09", 1.0), ("2026-10", 0.4))),)))
    found = render(view).said
    assert "100 %" not in found
    assert "no prompted option that was tried is good enough to replace it" in found
    assert (view.slugs, view.hands[0].trend) == ((), (("2026-10", 0.4),))


def test_a_kappa_below_chance_is_told() -> None:
    two = {"rows": 41, "least": 30, "kappa": -0.21, "low": -0.6, "high": 0.18, "too_low": True}
    found = render(digest.month(months.digest(lines=(months.look(people={"twice": two, "again": None}),)))).said
    assert "agree too little: kappa -0.21 (-0.6 to 0.18)" in found
