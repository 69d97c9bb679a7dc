"""Watches a head that is final, and takes down every change that comes too late (rule F3)."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apptheory_streaming.wire.head import merge_case_variants
from apptheory_streaming.wire.transcript import LateMutation

__all__ = ["HeadView", "HeadWatch", "view_of_fields", "view_of_object"]

_OWN_FOLDER = str(Path(__file__).parent) + os.sep
_MUTABLE_MAPPINGS = ("<frozen _collections_abc>", "_collections_abc.py")


@dataclass(frozen=True, slots=True)
class HeadView:
    """What a foreign head looks like at one moment: unchecked status, headers (lower-case names) and cookies."""

    status: object = None
    headers: Mapping[str, object] = field(default_factory=dict)
    cookies: tuple[object, ...] = ()


class HeadWatch:
    """Records late changes from the moment a head is final until the response has its outcome.

    Our own types report to `changed` as it happens.  A foreign head is compared after each chunk,
    through the function given to `compare`; that costs a copy a chunk, so only tests do it.
    Safe to use from the thread that produces the chunks.
    """

    def __init__(self) -> None:
        """Begin before chunk 0, with nothing to compare."""
        self.produced = 0
        self.mutations: list[LateMutation] = []
        self._active = True
        self._read: Callable[[], HeadView] | None = None
        self._last = HeadView()
        self._lock = threading.RLock()

    def changed(self, field_name: str, name: str | None, old: object, new: object) -> None:
        """Record a change that is happening in a frame further out."""
        if self._active:
            self._record(field_name, name, old, new, _call_site())

    def compare(self, read: Callable[[], HeadView]) -> None:
        """Compare what `read` gives after each chunk with what it gives now."""
        self._last = read()
        self._read = read

    def chunk_produced(self) -> None:
        """Count a chunk; whatever changed since the last one changed before it."""
        with self._lock:
            self._compare()
            self.produced += 1

    def stop(self) -> None:
        """Compare a last time, and record nothing from here on."""
        with self._lock:
            self._compare()
            self._active = False

    def _compare(self) -> None:
        if self._read is None or not self._active:
            return
        try:
            now = self._read()
        except Exception:  # noqa: BLE001 - a foreign head in the middle of a change; it must not fail the handler
            return
        before, self._last = self._last, now
        if now.status != before.status:
            self._record("status", None, before.status, now.status, None)
        for name in dict.fromkeys((*before.headers, *now.headers)):
            old, new = before.headers.get(name), now.headers.get(name)
            if old != new:
                self._record("header", name, old, new, None)
        if now.cookies != before.cookies:
            self._record("cookie", None, list(before.cookies), list(now.cookies), None)

    def _record(self, field_name: str, name: str | None, old: object, new: object, where: str | None) -> None:
        self.mutations.append(LateMutation(field_name, name, old, new, self.produced - 1, where))


def view_of_fields(fields: Mapping[str, object]) -> HeadView:
    """Look at the head in a dict with `statusCode`, `headers`, `multiValueHeaders` and `cookies` as it stands now."""
    headers = _copy(fields.get("headers")) | _copy(fields.get("multiValueHeaders"))
    return HeadView(fields.get("statusCode"), headers, _values(fields.get("cookies")))


def view_of_object(response: Any) -> HeadView:
    """Look at the head in an object with `status`, `headers` and `cookies` as it stands now."""
    return HeadView(response.status, _copy(response.headers), _values(response.cookies))


def _copy(headers: object) -> dict[str, list[object]]:
    return merge_case_variants(headers) if isinstance(headers, Mapping) else {}


def _values(cookies: object) -> tuple[object, ...]:
    return tuple(cookies) if isinstance(cookies, list | tuple) else ()


def _call_site() -> str | None:
    """The `file:line` of the first frame outside this package and the standard mapping mixins."""
    frame = sys._getframe(2)  # noqa: SLF001 - `inspect.stack` reads source files: far too slow for a property
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(_OWN_FOLDER) and not path.endswith(_MUTABLE_MAPPINGS):
            return f"{Path(path).name}:{frame.f_lineno}"
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None
