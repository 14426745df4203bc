"""Secrets and personal marks are replaced before anything is stored (SECURITY.md).

Card numbers are the networks' published test numbers, IBANs the examples of the IBAN registry.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.redact import redact, redact_row

AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAAAA\n-----END RSA PRIVATE KEY-----"
RANDOM = "q7Zp2LxV9tRb4WmC"

FOUND = [
    ("write to ada.l+x@example.co.uk.", "write to [EMAIL_1]."),
    ("zoë@exämple.de", "[EMAIL_1]"),
    ("card 4111 1111 1111 1111 please", "card [CARD_1] please"),
    ("card 4111-1111-1111-1111", "card [CARD_1]"),
    ("378282246310005", "[CARD_1]"),
    ("order 77 4111111111111111 x", "order 77 [CARD_1] x"),
    ("IBAN DE89 3704 0044 0532 0130 00 thanks", "IBAN [IBAN_1] thanks"),
    ("gb29nwbk60161331926819", "[IBAN_1]"),
    ("NO93 8601 1117 947", "[IBAN_1]"),  # the shortest there is
    ("ssn 078-05-1120", "ssn [SSN_1]"),
    ("from 192.168.1.20 and 2001:db8::1", "from [IP_1] and [IP_2]"),
    ("call +49 (0)30 901820-00 now", "call [PHONE_1] now"),
    ("call (030) 901820", "call [PHONE_1]"),
    ("call 415-555-0132", "call [PHONE_1]"),
    ("call 030 / 90 18 20 11", "call [PHONE_1]"),
    ("see postgres://bob:hunter2@db.local/x", "see [URL_1]"),
    ("sk-proj-abc123def456ghi", "[KEY_1]"),
    ("ghp_0123456789abcdefABCDEF", "[KEY_1]"),
    ("xoxb-12345-67890-abc", "[KEY_1]"),
    ("m-ghp_0123456789abcdefABCDEF", "m-[KEY_1]"),  # glued to a word
    ("ghp_0123456789abcdefABCDEF-m", "[KEY_1]-m"),
    ("desk-sk-proj-abc123def456ghi", "desk-[KEY_1]"),
    (f"token-{JWT}", "token-[KEY_1]"),
    (f"old-{AWS}-new", "old-[KEY_1]-new"),
    (AWS, "[KEY_1]"),
    (JWT, "[KEY_1]"),
    (f"before {PEM} after", "before [KEY_1] after"),
    ("-----BEGIN EC PRIVATE KEY-----\ncut off", "[KEY_1]"),
    ("Authorization: Bearer abcdefghijklmnopqrstuv", "Authorization: Bearer [KEY_1]"),
    ("authorization: Basic YWxhZGRpbjE6b3Blbg==", "authorization: Basic [KEY_1]"),
    (f'"api_key": "{RANDOM}"', '"api_key": "[KEY_1]"'),
    (f"the password is {RANDOM}", "the password is [KEY_1]"),
    ("api_key=sk-proj-abc123def456ghi next", "api_key=[KEY_1] next"),  # a key twice over is one key
]


@pytest.mark.parametrize(("text", "redacted"), FOUND, ids=[str(place) for place in range(len(FOUND))])
def test_a_secret_is_replaced_by_its_mark(text: str, redacted: str) -> None:
    assert redact(text).text == redacted


LEFT = [
    "card 4111 1111 1111 1112",  # fails Luhn
    "0000 0000 0000 0000",
    "version 300.168.1.20",
    "std::vector<int>::iterator",
    "a :: b",
    "due on 03.11.2026 or 11/03/2026 at 12:30",
    "order 12345, 800 x 600",
    "bearer of good news",
    "the secret is a well-kept one",
    "password: hunter2",  # short and not random: a word, not a key
    "key=aaaaaaaaaaaaaaaa1",
    "Ada Lovelace, 12 Main Street",
    "sk-learn-is-a-library",
    "mail me @ home",
]


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert redact(text).text == text
    assert redact(text).counts == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [("DE88 3704 0044 0532 0130 00", "IBAN"), ("000-12-3456", "SSN"), ("078-00-1120", "SSN"), ("078-05-0000", "SSN")],
)
def test_what_fails_its_check_is_not_of_its_kind(text: str, kind: str) -> None:
    assert kind not in redact(text).counts  # it may still look like a phone number


def test_the_same_value_has_the_same_mark_however_it_is_spelled() -> None:
    text = "4111 1111 1111 1111 or 4111-1111-1111-1111 or 5500 0000 0000 0004"
    assert redact(text).text == "[CARD_1] or [CARD_1] or [CARD_2]"
    assert redact("A@Example.com a@example.com").text == "[EMAIL_1] [EMAIL_1]"
    assert redact("DE89 3704 0044 0532 0130 00, de89370400440532013000").text == "[IBAN_1], [IBAN_1]"


def test_input_and_output_of_one_row_share_their_marks() -> None:
    row = redact_row(["mail a@b.example and c@d.example", "answered c@d.example"])
    assert row.texts == ("mail [EMAIL_1] and [EMAIL_2]", "answered [EMAIL_2]")
    assert row.counts == {"EMAIL": 3}


def test_marks_already_there_stay_and_are_counted_past() -> None:
    assert redact("[EMAIL_3] and a@b.example").text == "[EMAIL_3] and [EMAIL_4]"


def test_an_iban_is_found_among_words_that_look_like_its_end() -> None:
    assert redact("XX12 DE89 3704 0044 0532 0130 00 at once").text == "XX12 [IBAN_1] at once"


texts = st.text(st.sampled_from("0123456789 -+().@:/abcDE89skKEY[]_\n"), max_size=80)


@given(texts)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text).text
    assert redact(once).text == once or redact(redact(once).text).text == redact(once).text


@given(texts, texts)
def test_an_address_is_never_left_behind(before: str, after: str) -> None:
    assert "ada@example.com" not in redact(f"{before} ada@example.com {after}").text


@pytest.mark.parametrize(
    "piece", ["a", "1", "1 ", "a@", "-", "12-", "DE12", ":1", "http://", "key=", "1.2.", "+1 ", "sk-", "-eyJaaaa"]
)
def test_time_grows_with_the_text_and_not_with_its_square(piece: str) -> None:
    began = time.perf_counter()
    redact(piece * (200_000 // len(piece)))
    assert time.perf_counter() - began < 5  # a quadratic pattern takes minutes
