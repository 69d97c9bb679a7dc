"""W5: which bytes a Range asks for, and what its response says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apptheory_streaming.wire.byte_range import ByteRange, read_range

SIZE = 100


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-", (10, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=90-1000", (90, 100)),
        ("BYTES=99-", (99, 100)),
        ("bytes= 1-2 ", (1, 3)),
    ],
)
def test_w5_one_range_is_its_bytes(header: str, expected: tuple[int, int]) -> None:
    """W5: first to last, first to the end, the last so many; never beyond the end."""
    found = read_range(header, SIZE)

    assert found == ByteRange(*expected)
    assert found is not None
    assert not found.empty
    assert found.content_range(SIZE) == f"bytes {expected[0]}-{expected[1] - 1}/100"


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={10**100}-"])
def test_w5_a_range_behind_the_end_cannot_be_satisfied(header: str) -> None:
    """W5: and says the size."""
    found = read_range(header, SIZE)

    assert found is not None
    assert found.empty
    assert found.content_range(SIZE) == "bytes */100"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=+1-2",
        "bytes=1_0-",
        "bytes=٣-",
        "bytes=0x1-",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_w5_any_other_range_is_no_range(header: str | None) -> None:
    """W5: a server may leave a Range out of account, and does where it makes no sense."""
    assert read_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_w5_an_empty_file_has_no_range(header: str) -> None:
    """W5: no byte of it exists."""
    found = read_range(header, 0)

    assert found is not None
    assert found.empty


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_w5_a_range_is_a_slice(size: int, first: int, last: int) -> None:
    """W5: the same bytes as Python's own slice."""
    data = bytes(range(size))
    found = read_range(f"bytes={first}-{last}", size)

    if last < first:
        assert found is None
    else:
        assert found is not None
        assert data[found.start : found.stop] == data[first : last + 1]
        assert found.empty is (first >= size)
