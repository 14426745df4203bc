"""Features, roles, findings and forms say what a person needs next."""

from __future__ import annotations

from bot.blockkit.render import render, render_form
from bot.messages import doctor, examples, feature, forms, roles
from bot.verbs import REGISTER_KEYS
from engine.desk.roles import RolesView
from engine.models.work import Finding
from tests.unit.messages.reading import buttons


def test_a_new_feature_stays_with_prompting_and_names_the_next_step() -> None:
    text = render(feature.Card(examples.feature())).said

    assert "No verdict yet, so: stay with prompting." in text
    assert "Next: /assay investigate ticket-router" in text


def test_the_next_step_is_a_button() -> None:
    found = render(feature.shown(examples.feature()))

    assert buttons(found.blocks)["Take the next step"] == ("verb.run", "investigate ticket-router")


def test_a_simulated_baseline_is_called_simulated() -> None:
    seen = examples.feature(model="simulated-frontier", simulated=True)

    for view in (feature.Card(seen), feature.shown(seen), feature.listing([seen])):
        assert "simulated-frontier (simulated)" in render(view).said


def test_no_feature_at_all_says_how_to_begin() -> None:
    assert "/assay register" in render(feature.listing([])).said


def test_a_long_list_is_cut_and_counted() -> None:
    found = render(feature.listing([examples.feature(slug=f"f-{number}") for number in range(250)]))

    assert len(found.blocks[1]["rows"]) == 61
    assert "190 more" in str(found.blocks)
    assert len(found.text) <= 3_000


def test_nobody_to_approve_is_said() -> None:
    assert "nobody, so nothing can be approved" in render(roles.Roles(RolesView(slug="a1", owners=("U0ANN",)))).said


def test_the_broken_comes_before_the_well() -> None:
    found = doctor.findings([Finding(name="a", state="ok", says="fine"), Finding(name="b", state="bad", says="dead")])

    assert [one.name for one in found.findings] == ["b", "a"]
    assert render(found).said.startswith("1 thing is broken.")


def test_all_well_is_said_in_one_line() -> None:
    assert render(doctor.findings([Finding(name="a", state="ok", says="fine")])).said.startswith("All is well.")


def test_the_register_form_asks_every_key_of_the_verb_by_its_name() -> None:
    blocks = render_form(forms.RegisterFeature("C0AI", "U0ANN"))["blocks"]

    assert {block["block_id"] for block in blocks} == {"slug", *(key.name for key in REGISTER_KEYS)}
    assert all(block["element"]["action_id"] == block["block_id"] for block in blocks)


def test_the_quote_waits_for_confirm() -> None:
    form = render_form(forms.confirm_investigation(examples.quote()))

    assert form["submit"]["text"] == "Confirm"
    assert form["private_metadata"] == "investigate ticket-router budget=50 effort=normal"


def test_a_no_needs_a_reason_of_ten_to_five_hundred_characters() -> None:
    (reason,) = [b for b in render_form(forms.reject_approval(examples.approval()))["blocks"] if b["type"] == "input"]

    assert reason["block_id"] == "reason"
    assert (reason["element"]["min_length"], reason["element"]["max_length"]) == (10, 500)
