"""Request ids are the same in every run (rule D2)."""

from apptheory_testkit import RequestIds


def test_ids_count_from_one() -> None:
    ids = RequestIds()

    assert [ids.next() for _ in range(3)] == ["req_test_0001", "req_test_0002", "req_test_0003"]


def test_ids_go_on_beyond_four_digits() -> None:
    ids = RequestIds("r")
    many = [ids.next() for _ in range(10_000)]

    assert many[-2:] == ["r_9999", "r_10000"]
