"""An upload is previewed with counts and lines before anything is stored."""

from __future__ import annotations

from bot.blockkit.render import render
from bot.messages import examples, labels
from engine.desk.labels import LabelsView
from tests.unit.messages.reading import buttons


def test_the_first_line_counts_good_and_bad() -> None:
    assert render(labels.preview(examples.draft())).said.startswith("437 rows are good, 1 is not.")
    assert render(labels.preview(examples.draft(rows=1, bad=(), bad_count=0))).said.startswith("1 row is good.")


def test_confirm_says_how_many_rows_it_stores() -> None:
    found = buttons(render(labels.preview(examples.draft())).blocks)

    assert found == {
        "Confirm 437 rows": ("labels.confirm", "tQ3xYv81LmZk0aBc"),
        "Cancel": ("labels.cancel", "tQ3xYv81LmZk0aBc"),
    }


def test_ten_bad_rows_are_named_and_the_rest_counted() -> None:
    bad = tuple(f"line {number}: output is empty" for number in range(1, 21))
    text = render(labels.preview(examples.draft(bad=bad, bad_count=240))).said

    assert "line 10: output is empty" in text
    assert "line 11: output is empty" not in text
    assert "and 230 more bad rows." in text


def test_a_file_without_a_good_row_cannot_be_confirmed() -> None:
    assert list(buttons(render(labels.preview(examples.draft(rows=0))).blocks)) == ["Cancel"]


def test_a_confirmed_or_cancelled_upload_has_no_buttons() -> None:
    for state in ("confirmed", "cancelled"):
        assert buttons(render(labels.preview(examples.draft(state=state, version="5c1f09ab77de"))).blocks) == {}


def test_rows_that_were_refused_are_named_after_storing_too() -> None:
    text = render(labels.stored(examples.draft(state="confirmed", version="5c1f09ab77de", total=437))).said

    assert "1 row was refused:\nline 9: output is empty" in text


def test_the_same_file_again_says_that_nothing_changes() -> None:
    assert "storing them changes nothing" in render(labels.preview(examples.draft(unchanged=True))).said
    confirmed = examples.draft(unchanged=True, state="confirmed", version="5c1f09ab77de")
    assert "are as they were" in render(labels.stored(confirmed)).said


def test_copies_of_sealed_rows_and_redactions_are_told() -> None:
    text = render(labels.preview(examples.draft())).said

    assert "2 rows are copies of sealed rows and will not be trained on." in text
    assert "email 12 times" in text


def test_a_feature_without_labels_says_how_many_it_needs() -> None:
    text = render(
        labels.state(LabelsView(slug="ticket-router", needed=600, next_step="/assay labels ticket-router"))
    ).said

    assert text.splitlines()[0] == "ticket-router has no labels yet; an investigation needs about 600."


def test_enough_labels_say_so() -> None:
    text = render(labels.state(LabelsView(slug="a1", version="5c1f09ab77de", rows=2000, train=1400))).said

    assert text.startswith("a1 has 2,000 labels, enough to investigate.")
