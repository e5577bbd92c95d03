from bert_jax.convert import crc32c


def test_checksums_are_those_of_the_standard() -> None:
    # RFC 3720, appendix B.4, and the check value that is usual for CRCs.
    assert crc32c.extend(0, bytes(32)) == 0x8A9136AA
    assert crc32c.extend(0, bytes(range(32))) == 0x46DD794E
    assert crc32c.extend(0, b"123456789") == 0xE3069283


def test_a_checksum_goes_on_where_another_ended() -> None:
    assert crc32c.extend(crc32c.extend(0, b"1234"), b"56789") == 0xE3069283


def test_a_masked_checksum_is_the_one_that_tensorflow_stores() -> None:
    # Of the bytes of `a` in the checkpoint of tf1_bundles.py, as its index has it.
    content = bytes.fromhex("c03f00c0")
    assert crc32c.masked(crc32c.extend(0, content)) == 0xF2564A2E
