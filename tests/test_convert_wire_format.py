import pytest
from hypothesis import given
from hypothesis import strategies as st
from tf1_bundles import field, varint

from bert_jax.convert.tensors import Malformed
from bert_jax.convert.wire_format import messages, read_fields, read_varint, signed, unsigned


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_a_number_is_read_back_with_the_place_after_it(value: int, before: bytes) -> None:
    encoded = before + varint(value) + b"\x80"
    assert read_varint(encoded, len(before)) == (value, len(encoded) - 1)


@pytest.mark.parametrize("encoded", [b"", b"\x80", b"\xff" * 9])
def test_a_number_that_is_cut_off_is_refused(encoded: bytes) -> None:
    with pytest.raises(Malformed, match="cut off"):
        read_varint(encoded, 0)


@pytest.mark.parametrize("encoded", [b"\xff" * 10, b"\xff" * 9 + b"\x02", b"\x80" * 10**6])
def test_a_number_of_more_than_64_bits_is_refused(encoded: bytes) -> None:
    with pytest.raises(Malformed, match="64 bits"):
        read_varint(encoded, 0)


def test_fields_of_all_kinds_are_read_and_the_last_number_counts() -> None:
    message = field(1, 5) + field(2, b"ab") + field(1, 300) + field(2, b"") + field(4, -2)
    message += varint(6 << 3 | 5) + b"\1\2\0\0" + varint(7 << 3 | 1) + b"\3" + b"\0" * 7
    fields = read_fields(message)
    assert unsigned(fields, 1) == 300
    assert messages(fields, 2) == [b"ab", b""]
    assert unsigned(fields, 4) == 2**64 - 2
    assert signed(fields, 4) == -2
    assert (unsigned(fields, 6), unsigned(fields, 7)) == (513, 3)
    assert (unsigned(fields, 9), signed(fields, 9, 4), messages(fields, 9)) == (0, 4, [])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (varint(1 << 3 | 2) + varint(2**60) + b"ab", "a field is cut off"),
        (varint(1 << 3 | 5) + b"abc", "a field is cut off"),
        (varint(1 << 3 | 3), "wire type 3"),
        (field(1, 7) + b"\x80", "a number is cut off"),
    ],
)
def test_a_message_that_ends_too_early_or_is_of_another_kind_is_refused(
    message: bytes, said: str
) -> None:
    with pytest.raises(Malformed, match=said):
        read_fields(message)


def test_a_field_of_another_type_than_expected_is_refused() -> None:
    fields = read_fields(field(1, 5) + field(2, b"ab"))
    with pytest.raises(Malformed, match="field 2 is no number"):
        unsigned(fields, 2)
    with pytest.raises(Malformed, match="field 1 is no message"):
        messages(fields, 1)
