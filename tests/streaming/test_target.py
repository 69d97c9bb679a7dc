"""Targets: `module:attribute` and `path/file.py:attribute`."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apptheory_streaming.errors import TargetError
from apptheory_streaming.target import LazyHandler, load_target, target_name
from apptheory_testkit import stream_client


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; modules and paths that a test adds are gone after it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file of the same second would be taken for the old one
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if name.startswith("app_") or str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


HANDLER = "def handler(event, context):\n    return [__name__]\n"


def test_a_module_in_the_current_folder_is_found(folder: Path) -> None:
    """As `python -m` does, the current folder is on the path."""
    write(folder / "app_one.py", HANDLER)
    assert load_target("app_one:handler")({}, None) == ["app_one"]


def test_a_module_written_after_the_first_look_is_found(folder: Path) -> None:
    """The import system's memory of folders does not hide a new file."""
    with pytest.raises(TargetError):
        load_target("app_late:handler")
    before = folder.stat()
    write(folder / "app_late.py", HANDLER)
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if within one tick of the file system
    assert load_target("app_late:handler")({}, None) == ["app_late"]


def test_a_module_in_a_package_is_found(folder: Path) -> None:
    """Packages with and without `__init__.py`."""
    write(folder / "app_pkg" / "__init__.py", "")
    write(folder / "app_pkg" / "web.py", HANDLER)
    write(folder / "app_space" / "deep" / "web.py", HANDLER)
    assert load_target("app_pkg.web:handler")({}, None) == ["app_pkg.web"]
    assert load_target("app_space.deep.web:handler")({}, None) == ["app_space.deep.web"]


@pytest.mark.parametrize("target", ["app_dot:api.routes.chat", "app_dot.py:api.routes.chat"])
def test_the_attribute_may_be_dotted(folder: Path, target: str) -> None:
    """Classes and objects inside the module."""
    write(
        folder / "app_dot.py",
        "class api:\n    class routes:\n        @staticmethod\n        def chat(event, context):\n            return 'hi'\n",
    )
    assert load_target(target)({}, None) == "hi"


def test_a_file_is_loaded_by_its_path_with_its_folder_importable(folder: Path) -> None:
    """As `python file.py` does: modules beside it can be imported."""
    write(folder / "sub dir" / "app_beside.py", "WORD = 'beside'\n")
    write(
        folder / "sub dir" / "app_file.py",
        "from app_beside import WORD\ndef handler(event, context):\n    return WORD\n",
    )
    assert load_target("sub dir/app_file.py:handler")({}, None) == "beside"
    assert load_target(f"{folder}/sub dir/app_file.py:handler")({}, None) == "beside"
    assert load_target("./sub dir/../sub dir/app_file.py:handler")({}, None) == "beside"


def test_one_file_is_one_module(folder: Path) -> None:
    """Two targets of one file share its state, by whatever path; the file runs once."""
    write(
        folder / "app_once.py",
        "calls = []\ndef one(event, context): return calls\ndef two(event, context): return calls\n",
    )
    one = load_target("app_once.py:one")({}, None)
    assert load_target("./app_once.py:two")({}, None) is one
    assert load_target("app_once:two")({}, None) is one


def test_two_files_of_one_name_are_two_modules(folder: Path) -> None:
    """A second `app.py` does not answer with the first."""
    write(folder / "a" / "app_twin.py", "def handler(event, context): return 'a'\n")
    write(folder / "b" / "app_twin.py", "def handler(event, context): return 'b'\n")
    assert load_target("a/app_twin.py:handler")({}, None) == "a"
    assert load_target("b/app_twin.py:handler")({}, None) == "b"
    assert load_target("a/app_twin.py:handler")({}, None) == "a"


@pytest.mark.parametrize("stem", ["json", "email", "site", "sys"])
def test_a_file_with_the_name_of_a_known_module_hurts_neither(folder: Path, stem: str) -> None:
    """`json.py` is loaded, and `json` stays the standard one."""
    standard = sys.modules.get(stem)
    write(folder / f"{stem}.py", "def handler(event, context):\n    return 'mine'\n")
    assert load_target(f"{stem}.py:handler")({}, None) == "mine"
    assert load_target(f"{stem}.py:handler")({}, None) == "mine"
    assert sys.modules.get(stem) is standard
    assert json.loads("[1]") == [1]


@pytest.mark.parametrize("name", ["app.v2.py", "my-app.py", "2nd.py", "class.py"])
def test_a_file_needs_no_name_that_python_could_import(folder: Path, name: str) -> None:
    """Dots, dashes, digits and keywords in a file name do not matter."""
    write(folder / name, HANDLER)
    assert len(load_target(f"{name}:handler")({}, None)) == 1


def test_a_file_beside_a_folder_of_the_same_name_is_the_file(folder: Path) -> None:
    """A folder without `__init__.py` is a module too, for Python."""
    write(folder / "app_both" / "x.txt", "")
    write(folder / "app_both.py", HANDLER)
    assert load_target("app_both.py:handler")


@pytest.mark.parametrize("target", ["app", "app.py", ":handler", "app:", "app.py:", ":", ""])
def test_a_target_without_both_parts_says_what_a_target_is(target: str) -> None:
    """The message names the two forms."""
    with pytest.raises(TargetError, match="names no attribute: a target is `package"):
        load_target(target)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_app:handler", "there is no module 'no_such_app'"),
        ("no_such.app.at_all:handler", "there is no module 'no_such.app.at_all'"),
        ("json.nothing:handler", "there is no module 'json.nothing'"),
        ("json.decoder.nothing:handler", "there is no module 'json.decoder.nothing'"),
        ("no_such_app.py:handler", "there is no file 'no_such_app.py'"),
        ("no/such/app.py:handler", "there is no file 'no/such/app.py'"),
        (".relative:handler", "cannot be imported"),
        ("json:nothing", "there is no 'nothing' in it; it has JSONDecodeError, JSONDecoder"),
        ("json:decoder.nothing", "there is no 'nothing' in it"),
        ("json:__doc__", "is of type str, not something that can be called"),
        ("json:decoder", "is of type module, not something that can be called"),
    ],
)
def test_what_cannot_be_found_or_called_is_named(folder: Path, target: str, words: str) -> None:
    """TargetError, whose text says which part was wrong and where we looked."""
    with pytest.raises(TargetError) as failure:
        load_target(target)
    assert words in str(failure.value)
    if words.startswith("there is no file"):
        assert str(folder) in str(failure.value)


def test_a_folder_is_no_file(folder: Path) -> None:
    """A path that names a folder is refused as a missing file."""
    (folder / "app_folder.py").mkdir()
    with pytest.raises(TargetError, match="there is no file"):
        load_target("app_folder.py:handler")


BROKEN = [
    ("raise ValueError('at import')", "ValueError: at import", ValueError),
    ("import app_missing_dependency", "No module named 'app_missing_dependency'", ModuleNotFoundError),
    ("from json import nothing_there", "cannot import name", ImportError),
    ("def broken(:", "SyntaxError", SyntaxError),
    ("import sys; sys.exit(3)", "SystemExit: 3", SystemExit),
    ("1 / 0", "ZeroDivisionError", ZeroDivisionError),
]


@pytest.mark.parametrize(("source", "words", "cause"), BROKEN, ids=[source for source, *_ in BROKEN])
@pytest.mark.parametrize("target", ["app_broken:handler", "app_broken.py:handler"])
def test_an_exception_while_a_module_is_imported_is_the_cause(
    folder: Path, target: str, source: str, words: str, cause: type[BaseException]
) -> None:
    """The traceback of the module's own error is kept, and the module can be loaded once it is repaired."""
    write(folder / "app_broken.py", source)
    for _ in range(2):
        with pytest.raises(TargetError) as failure:
            load_target(target)
        assert words in str(failure.value)
        assert "cannot be imported" in str(failure.value)
        assert isinstance(failure.value.__cause__, cause)
        assert "app_broken" not in sys.modules
    write(folder / "app_broken.py", HANDLER)
    assert load_target(target)({}, None) == ["app_broken"]


def test_a_module_that_takes_itself_out_of_the_module_table_is_no_second_error(folder: Path) -> None:
    """The error is still the module's own."""
    write(folder / "app_gone.py", "import sys\ndel sys.modules[__name__]\nraise ValueError('gone')\n")
    with pytest.raises(TargetError, match="gone"):
        load_target("app_gone.py:handler")


def test_the_interrupt_of_a_user_is_not_swallowed(folder: Path) -> None:
    """Ctrl-C while a module is imported ends the program as ever."""
    write(folder / "app_interrupted.py", "raise KeyboardInterrupt\n")
    for target in ("app_interrupted:handler", "app_interrupted.py:handler"):
        with pytest.raises(KeyboardInterrupt):
            load_target(target)
        sys.modules.pop("app_interrupted", None)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("app.main:handler", "main"),
        ("app:handler", "app"),
        ("app:api.chat", "app"),
        ("docs/examples/chat.py:handler", "chat"),
        ("/abs/chat.py:handler", "chat"),
        ("chat.py", "chat"),
        ("app.main", "main"),
    ],
)
def test_the_name_of_a_target_is_its_module_or_file(target: str, name: str) -> None:
    """The last part of the module, or the stem of the file."""
    assert target_name(target) == name


def test_a_lazy_handler_is_imported_once_and_again_while_it_cannot_be(folder: Path) -> None:
    """Nothing is imported before the first call; a file that was put right is found by the next."""
    file = write(folder / "app_lazy.py", "raise RuntimeError('not yet')\n")
    lazy = LazyHandler("app_lazy:handler")

    assert lazy.name == "app_lazy"
    assert "app_lazy" not in sys.modules
    with pytest.raises(TargetError, match="not yet"):
        lazy.load()

    file.write_text(HANDLER)
    loaded = lazy.load()
    del sys.modules["app_lazy"]

    assert lazy.load() is loaded


def test_a_handler_that_is_none_of_a_target_is_its_own() -> None:
    """Its function has the name of none."""
    lazy = LazyHandler(write)

    assert (lazy.load(), lazy.name) == (write, "function")


async def test_a_client_loads_its_target_with_the_first_request(folder: Path) -> None:
    """An import string works wherever a handler does, and names the function."""
    write(
        folder / "app_client.py",
        "def handler(event, context):\n    yield context.function_name\n    yield event['requestContext']['domainPrefix']\n",
    )
    assert (await stream_client("app_client:handler").get("/")).chunks == [b"app_client", b"app_client"]
    with pytest.raises(TargetError):
        await stream_client("app_client:nothing").get("/")
