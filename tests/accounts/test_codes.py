"""Codes as RFC 6238 has them, and the window they count in."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import TOTP

from factory.accounts.codes import digest_of, link_for, new_recovery_codes, new_secret, picture_of, step_of

RFC = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", the secret of RFC 6238, appendix B
MOMENTS = st.integers(946_684_800, 4_102_444_799).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_codes_are_those_of_the_rfc(seconds, code):
    assert step_of(code, secret=RFC, at=datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@given(at=MOMENTS, off=st.integers(-20, 20))
def test_a_code_counts_in_its_own_step_and_the_one_on_either_side(at, off):
    now = int(at.timestamp()) // 30
    code = TOTP(RFC).generate_otp(now + off)
    window = {TOTP(RFC).generate_otp(now + near): now + near for near in (-1, 0, 1)}

    assert step_of(code, secret=RFC, at=at) == window.get(code)
    if abs(off) <= 1:
        assert step_of(code, secret=RFC, at=at) is not None


@given(text=st.text(max_size=20), at=MOMENTS)
def test_whatever_is_typed_is_a_code_or_is_not(text, at):
    digits = "".join(text.split())

    step = step_of(text, secret=RFC, at=at)

    assert step is None or TOTP(RFC).generate_otp(step) == digits


def test_spaces_are_as_people_type_them():
    assert step_of(" 287 082 ", secret=RFC, at=datetime.fromtimestamp(59, UTC)) == 1


def test_arabic_digits_are_no_code():
    assert step_of("٢٨٧٠٨٢", secret=RFC, at=datetime.fromtimestamp(59, UTC)) is None


def test_recovery_codes_are_ten_different_ones_and_may_be_typed_carelessly():
    codes = new_recovery_codes()

    assert len({digest_of(code) for code in codes}) == 10
    assert digest_of(codes[0].upper().replace("-", " ")) == digest_of(codes[0])


def test_the_picture_is_svg_that_asks_nobody():
    picture = picture_of(link_for(new_secret(), email="mira@example.com"))

    assert picture.startswith("<svg")
    assert ("http" in picture, "<script" in picture, "style=" in picture) == (False, False, False)
