import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.avro.wire_format import HEADER_SIZE, WireFormatError, pack, schema_id_of
from rtpipe.errors import ExitCode


@given(st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_the_id_comes_back_whatever_the_body(schema_id: int, body: bytes) -> None:
    assert schema_id_of(pack(schema_id) + body) == schema_id


def test_the_header_is_confluents() -> None:
    assert pack(258) == b"\x00\x00\x00\x01\x02"
    assert len(pack(1)) == HEADER_SIZE


@pytest.mark.parametrize("message", [b"", b"\x00", b"\x00\x00\x00\x01"])
def test_a_short_message_is_refused_with_its_length(message: bytes) -> None:
    with pytest.raises(WireFormatError, match=f"{len(message)} bytes") as caught:
        schema_id_of(message)
    assert caught.value.exit_code is ExitCode.BAD_DATA


@pytest.mark.parametrize("message", [b"\x01\x00\x00\x00\x01\xff"])
def test_another_first_byte_is_refused_and_shown(message: bytes) -> None:
    with pytest.raises(WireFormatError, match=f"0x{message[0]:02x}"):
        schema_id_of(message)
