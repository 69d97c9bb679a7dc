"""The errors: their tree, their names, whose mistake they are, and their codes (E1, E2c)."""

import inspect
import re

import pytest

from apptheory_streaming import errors
from apptheory_streaming.errors import AppError, Side, StreamingError, code_of

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, StreamingError) and member.__module__ == errors.__name__
]
CODES = {
    "EventsLost": "app.not_found",
    "FunctionTimeout": "app.timeout",
    "RequestTooLarge": "app.too_large",
    "ResponseTooLarge": "app.too_large",
    "Throttled": "app.rate_limited",
}
SIDES = {side.value: side for side in Side}
ROW = re.compile(r"^    (?P<bars>[│ ]*(?:[├└]── )?)(?P<name>[A-Z]\w+)(?:\s+(?P<text>.*))?$")


class CodedError(Exception):
    def __init__(self, code: object) -> None:
        super().__init__("m")
        self.code = code


def drawn_rows() -> list[tuple[str, str | None, str]]:
    """Name, parent and description of each row of the tree in the docstring."""
    rows: list[tuple[str, str | None, str]] = []
    path: list[str] = []
    for line in inspect.cleandoc(errors.__doc__ or "").splitlines():
        found = ROW.match(line)
        if found:
            depth = len(found["bars"]) // 4
            path = [*path[:depth], found["name"]]
            rows.append((found["name"], path[depth - 1] if depth else None, found["text"] or ""))
    return rows


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    """E2c: the docstring shows every error under its parent, and no other."""
    drawn = {name: parent for name, parent, _ in drawn_rows()}
    real: dict[str, str | None] = {member.__name__: member.__base__.__name__ for member in CLASSES if member.__base__}
    assert drawn == real | {"StreamingError": None}
    assert len(drawn_rows()) == len(CLASSES)


def test_the_docstring_names_the_codes() -> None:
    """E2c: the tree shows the code of each error that always has the same one, and of no other."""
    shown = {name: code[1] for name, _, text in drawn_rows() if (code := re.search(r"\(code ([a-z._]+)\)", text))}
    assert shown == CODES


def test_the_docstring_names_the_sides() -> None:
    """E2c: the first branches say whose mistake their errors are."""
    for name, parent, text in drawn_rows():
        if parent == "StreamingError":
            assert getattr(errors, name).side is SIDES[text.partition(":")[0]]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_has_a_name_of_its_own_and_a_side(error: type[StreamingError]) -> None:
    """E2c: the stable name is the name of the class, said by the class itself; the side is that of its branch."""
    assert error.__dict__["name"] == error.__name__
    assert isinstance(error.side, Side)
    parent = error.__base__
    if parent is not None and parent not in (StreamingError, Exception):
        assert error.side is vars(errors)[parent.__name__].side


def test_names_are_unique_and_every_error_is_public() -> None:
    """E2c: logs and tests may rely on a name, so no two errors share one."""
    names = [error.name for error in CLASSES]
    assert len(set(names)) == len(names)
    assert set(names) | {"Side", "code_of"} == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("error", [each for each in CLASSES if each is not AppError], ids=lambda each: each.__name__)
def test_only_errors_for_a_client_have_a_code(error: type[StreamingError]) -> None:
    """E2c: an error without a code of its own is a function error, whatever its text says."""
    assert code_of(error("m")) == CODES.get(error.__name__)


def test_an_app_error_carries_its_code_and_message() -> None:
    """E2: a handler chooses code and message; the message is the text of the error."""
    error = AppError("app.conflict", "already taken")
    assert (error.code, code_of(error), str(error)) == ("app.conflict", "app.conflict", "already taken")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("app.conflict", "app.conflict"),
        (" app.conflict\n", "app.conflict"),
        ("\tshop.cart.empty ", "shop.cart.empty"),
        ("a.b", "a.b"),
        ("app2.not_found_3", "app2.not_found_3"),
    ],
)
def test_dotted_lower_case_names_are_codes(code: str, found: str) -> None:
    """E1: a code is trimmed and then a dotted lower-case name."""
    assert code_of(CodedError(code)) == found


@pytest.mark.parametrize(
    "code",
    [
        "invalid_api_key",
        "app",
        "",
        " ",
        ".",
        "app.",
        ".app",
        "app..x",
        "App.conflict",
        "app.Conflict",
        "app.not-found",
        "app. conflict",
        "app.\nconflict",
        "1app.x",
        "app.1",
        "app._x",
        "äpp.x",
        "app.conflict!",
        "app.٣",
        404,
        0,
        None,
        True,
        b"app.conflict",
        ["app.conflict"],
        object(),
    ],
)
def test_anything_else_is_no_code(code: object) -> None:
    """E1: a provider's `invalid_api_key`, numbers and other types never reach a client."""
    assert code_of(CodedError(code)) is None


def test_errors_without_a_code_attribute() -> None:
    """E1: most exceptions have none, and one that is no Exception may be asked too."""
    assert code_of(ValueError("x")) is None
    assert code_of(KeyboardInterrupt()) is None
    assert code_of(SystemExit(3)) is None


def test_an_error_with_a_class_wide_code() -> None:
    """E1: the attribute may stand on the class; the error needs no base of ours."""

    class Taken(Exception):  # noqa: N818 - a name of the user's
        code = "shop.taken"

    assert code_of(Taken()) == "shop.taken"


def test_e1_a_code_that_raises_when_it_is_read_is_none() -> None:
    """E1: an exception of a handler may do anything, and must not hurt the server."""

    class HostileError(Exception):
        @property
        def code(self) -> str:
            raise RuntimeError("no")

    assert code_of(HostileError()) is None
