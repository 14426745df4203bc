"""Labels: previewed, confirmed once by who may, sealed before they are stored, never a copy of the seal."""

from __future__ import annotations

import pytest
from sqlmodel import select

from engine.desk import Desk, features, labels, roles
from engine.errors import Conflict, Invalid, NotAllowed, NotFound, Repeated
from engine.models.actor import Role
from engine.models.labels import Label, Part
from engine.models.mail import Once
from engine.rules.seal import near_copies
from engine.store import seals
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, a_feature, csv_of, some_labels, text_of, waiting


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """A desk with one registered feature."""
    a_feature(desk)
    return desk


def stored(desk: Desk) -> list[Label]:
    with desk.services.database.read() as tx:
        return list(tx.exec(select(Label)))


def preview(desk: Desk, content: bytes, name: str = "labels.csv") -> labels.DraftView:
    return labels.preview(desk, ASKER, SLUG, name, content=content)


def test_a_preview_counts_and_stores_nothing(counter: Desk) -> None:
    rows = csv_of(range(40)) + b"\n" + csv_of([7]).split(b"\n")[1] + b"\nno label here,\nhello there you,banana\n"
    seen = preview(counter, rows)
    assert (seen.rows, seen.bad_count, seen.duplicates, seen.state) == (40, 2, 1, "open")
    assert dict(seen.classes) == {"billing": 20, "bug": 20}
    assert seen.bad[0].startswith("line 43: ")
    assert seen.bad[1].startswith("line 44: ")
    assert stored(counter) == []
    assert labels.show(counter, SLUG).needed > 0
    assert labels.draft(counter, seen.token) == seen
    assert [row.entity_id for row in waiting(counter) if row.entity == "draft"] == [seen.token]


def test_confirmed_twice_is_stored_once(counter: Desk) -> None:
    seen = preview(counter, csv_of(range(1000)))
    first = labels.confirm(counter, ASKER, seen.token)
    second = labels.confirm(counter, ASKER, seen.token)
    assert first == second
    assert (first.state, first.total, first.train + first.dev + first.sealed) == ("confirmed", 1000, 1000)
    assert first.sealed >= 200
    assert len(stored(counter)) == 1000
    assert features.show(counter, SLUG).next_step == f"/assay investigate {SLUG}"
    once = Once(team="T", key="press", kind="press")
    labels.confirm(counter, ASKER, seen.token, once=once)
    with pytest.raises(Repeated):
        labels.confirm(counter, ASKER, seen.token, once=once)


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085"])
def test_a_text_with_a_rare_line_break_is_stored_as_it_is(counter: Desk, sign: str) -> None:
    odd = f"the app crashed{sign}again and again"
    labels.confirm(counter, ASKER, preview(counter, csv_of(range(30)) + f"\n{odd},bug\n".encode()).token)
    assert odd in {label.input for label in stored(counter)}


def test_a_cancelled_draft_stays_cancelled_and_a_stored_one_stored(counter: Desk) -> None:
    dropped, kept = preview(counter, csv_of(range(30))), preview(counter, csv_of(range(30)))
    assert labels.cancel(counter, ASKER, dropped.token).state == "cancelled"
    assert labels.confirm(counter, ASKER, dropped.token).state == "cancelled"
    assert stored(counter) == []
    assert labels.confirm(counter, ASKER, kept.token).state == "confirmed"
    assert labels.cancel(counter, ASKER, kept.token).state == "confirmed"
    assert len(stored(counter)) == 30


def test_only_the_sender_an_owner_or_the_shell_decides(counter: Desk) -> None:
    seen = preview(counter, csv_of(range(30)))
    for act in (labels.confirm, labels.cancel):
        with pytest.raises(NotAllowed) as refused:
            act(counter, ANN, seen.token)
        assert refused.value.people == ("U1",)
    assert stored(counter) == []
    roles.name(counter, ASKER, SLUG, {Role.OWNER: (BO.id,)})
    assert labels.confirm(counter, BO, seen.token).state == "confirmed"
    other = preview(counter, csv_of(range(30, 60)))
    assert labels.confirm(counter, SHELL, other.token).state == "confirmed"


def test_a_day_old_draft_is_told_to_be_sent_again(counter: Desk, clock: FixedClock) -> None:
    seen = preview(counter, csv_of(range(30)))
    clock.move(hours=24)
    assert labels.confirm(counter, ASKER, seen.token).state == "confirmed"
    late = preview(counter, csv_of(range(30, 60)))
    clock.move(hours=24, seconds=1)
    with pytest.raises(Conflict, match="older than a day") as refused:
        labels.confirm(counter, ASKER, late.token)
    assert refused.value.hint == f"Send it again: /assay labels {SLUG}"
    assert labels.draft(counter, late.token).state == "expired", "its buttons are of no use any more"
    assert len(stored(counter)) == 30


def test_a_token_nobody_gave_out_names_no_upload(counter: Desk) -> None:
    with pytest.raises(NotFound):
        labels.confirm(counter, ASKER, "forged")
    with pytest.raises(NotFound):
        labels.preview(counter, ASKER, "nowhere", "labels.csv", content=csv_of(range(3)))


def test_one_class_alone_is_refused_and_completes_a_version_that_has_the_other(counter: Desk) -> None:
    bugs = csv_of(range(1, 60, 2))
    with pytest.raises(Invalid, match='carry the label "bug"'):
        preview(counter, bugs)
    some_labels(counter, 20)
    assert preview(counter, bugs).rows == 20


def test_the_same_file_again_changes_nothing_and_says_so(counter: Desk) -> None:
    early, late = (preview(counter, csv_of(range(30))) for _ in range(2))
    first = labels.confirm(counter, ASKER, early.token)
    second = labels.confirm(counter, ASKER, late.token)
    assert not first.unchanged
    assert second.unchanged, "between its preview and its Confirm the rows came in another way"
    again = labels.import_file(counter, ASKER, SLUG, "labels.csv", content=csv_of(range(30)))
    assert again.unchanged
    assert again.rows == 0
    assert (again.version, again.total) == (first.version, 30), "what there is stays visible"
    assert again.needed > 570, "and so does how far it is from an investigation, of which a part goes to dev"
    assert "30 rows are in the current version already." in again.warnings
    assert len(stored(counter)) == 30


def test_more_rows_make_a_second_version_in_the_same_parts(counter: Desk) -> None:
    first = some_labels(counter, 700)
    second = labels.import_file(counter, ASKER, SLUG, "more.csv", content=csv_of(range(650, 900)))
    assert (second.rows, second.total) == (200, 900)
    assert second.version != first.version
    assert second.sealed > first.sealed
    shown = labels.show(counter, SLUG)
    assert (shown.version, shown.rows, shown.needed) == (second.version, 900, 0)
    with counter.services.database.read() as tx:
        assert seals.current(tx, 1).number == 1


def test_a_copy_of_a_sealed_row_is_refused_by_its_line_and_tells_nothing_of_the_row(counter: Desk) -> None:
    some_labels(counter, 700)
    sealed = [row for row in stored(counter) if row.part is Part.SEALED]
    copies = [f"{row.input} indeed,{row.output}" for row in sealed[:3]]
    content = csv_of(range(700, 720)) + "\n".join(["", *copies]).encode()
    seen = labels.import_file(counter, ASKER, SLUG, "more.csv", content=content)
    assert (seen.rows, seen.copies_of_sealed) == (20, 3)
    assert [one.split(":")[0] for one in seen.bad] == ["line 22", "line 23", "line 24"]
    assert all("near copy" in one and text_of(1)[:6] not in one for one in seen.bad)
    relabelled = csv_of([sealed[0].id or 1]).split(b"\n")[0] + f"\n{sealed[0].input},bug\n{text_of(9000)},bug".encode()
    if sealed[0].output == "bug":
        relabelled = relabelled.replace(b",bug", b",billing")
    other = preview(counter, relabelled)
    assert (other.rows, other.bad_count) == (1, 1)
    assert "with another label" in other.bad[0]


def test_what_labels_hold_of_secrets_is_redacted_before_anything_is_kept(counter: Desk) -> None:
    rows = csv_of(range(30)) + b"\nplease write to mara.lind@example.com about this,bug"
    seen = preview(counter, rows)
    assert dict(seen.redacted) == {"EMAIL": 1}
    labels.confirm(counter, ASKER, seen.token)
    assert not any("mara.lind" in row.input for row in stored(counter))
    home = counter.services.settings.home
    assert not [path for path in home.rglob("*") if path.is_file() and b"mara.lind" in path.read_bytes()]


def test_six_texts_in_both_official_parts_of_a_public_set_never_leak_and_a_later_copy_is_refused_naming_both(
    counter: Desk,
) -> None:
    official_test = [text_of(number) for number in range(200)]
    official_train = [text_of(number) for number in range(200, 900)]
    copies = [official_test[0], official_test[1].upper(), f"{official_test[2]} today", f"  {official_test[3]}"]
    copies += [f"so {official_test[4]}", official_test[5].replace(" ", "  ")]
    told = [f"{text},{'bug' if number % 2 else 'billing'}" for number, text in enumerate(official_test)]
    told += [f"{text},{'bug' if number % 2 else 'billing'}" for number, text in enumerate(copies)]
    told += [f"{text},billing" for text in official_train]
    labels.import_file(counter, ASKER, SLUG, "public.csv", content="\n".join(["input,output", *told]).encode())
    sealed = [row for row in stored(counter) if row.part is Part.SEALED]
    train = [row for row in stored(counter) if row.part is Part.TRAIN]
    assert len(sealed) > 100
    assert near_copies([row.input for row in sealed], [row.input for row in train]) == ()
    assert any(row.input.startswith(tuple(official_test[:6])) for row in [*sealed, *train])
    later = labels.import_file(
        counter, ASKER, SLUG, "later.csv", content=f"input,output\n{sealed[0].input} please,{sealed[0].output}".encode()
    )
    (said,) = later.bad
    assert said.startswith("line 2: near copy (")
    assert f"of sealed row {sealed[0].row_id}" in said


def test_a_preview_tells_thin_labels_long_texts_a_teachers_rows_and_the_minutes(counter: Desk) -> None:
    rows = [f"{text_of(number)},{'bug' if number % 9 else 'billing'},teacher,0.5" for number in range(90)]
    rows.append(f'"{" ".join(text_of(number) for number in range(500, 540))}",bug,person,5')
    seen = preview(counter, "\n".join(["input,output,source,minutes", *rows]).encode())
    assert seen.warnings == (
        "Labels with fewer than 50 rows, hard to learn: billing 10.",
        "About 1 of the texts are longer than the 256 tokens an encoder reads; what comes after is not seen.",
        "90 rows are a teacher's: they are trained on and never judged by.",
        "Labelling them took 50 minutes, which enter the cost.",
    )
    done = labels.confirm(counter, ASKER, seen.token)
    assert done.train >= 90
