"""The head that a handler may still change: closed containers that report every change.

Every way in is watched: item assignment, `append`, `+=`, `update`, `setdefault`, `del`, and
putting a new object in the place of the old one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any, Self, SupportsIndex, overload

from apptheory_streaming.errors import InvalidResponse
from apptheory_streaming.watch import HeadWatch
from apptheory_streaming.wire.head import HeaderInput, merge_case_variants

__all__ = ["Headers", "LiveHead", "ValueList"]

_OnListChange = Callable[[list[Any], list[Any]], None]
_OnHeaderChange = Callable[[str, list[Any] | None, list[Any] | None], None]


class ValueList(MutableSequence[Any]):
    """A list of header values or cookies that reports its old and new content on a change."""

    __slots__ = ("_on_change", "_values")

    def __init__(self, values: Iterable[Any] = (), *, on_change: _OnListChange | None = None) -> None:
        """Hold the values; `on_change` gets the content before and after."""
        self._values = list(values)
        self._on_change = on_change

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ValueList):
            return self._values == other._values
        return self._values == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a mutable sequence has none

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        changed = self._values.copy()
        changed[index] = value
        self._become(changed)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        changed = self._values.copy()
        del changed[index]
        self._become(changed)

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Put a value before the index."""
        changed = self._values.copy()
        changed.insert(index, value)
        self._become(changed)

    def extend(self, values: Iterable[Any]) -> None:
        """Append all values as one change."""
        self._become([*self._values, *values])

    def __iadd__(self, values: Iterable[Any]) -> Self:
        self.extend(values)
        return self

    def clear(self) -> None:
        """Remove all values as one change."""
        self._become([])

    def forget(self) -> None:
        """Report no more: the list is no part of a head any longer."""
        self._on_change = None

    def _become(self, changed: list[Any]) -> None:
        old, self._values = self._values, changed
        if self._on_change is not None and old != changed:
            self._on_change(list(old), list(changed))


class Headers(MutableMapping[str, Any]):
    """Header name, in any case -> list of values; a value may be set as text or as a list of texts."""

    __slots__ = ("_lists", "_on_change")

    def __init__(self, headers: HeaderInput | None = None, *, on_change: _OnHeaderChange | None = None) -> None:
        """Hold the headers; `on_change` gets a name with its values before and after (None: absent)."""
        self._on_change = on_change
        if headers is not None and not isinstance(headers, Mapping):
            raise InvalidResponse(f"headers must map names to values, not be of type {type(headers).__name__}")
        merged = merge_case_variants(headers or {})
        self._lists = {name: self._list(name, values) for name, values in merged.items()}

    def __len__(self) -> int:
        return len(self._lists)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __repr__(self) -> str:
        return repr(self._lists)

    def __getitem__(self, name: str) -> ValueList:
        return self._lists[_key(name)]

    def __setitem__(self, name: str, value: Any) -> None:
        key = _key(name)
        old = self._lists.get(key)
        if value is old:  # the last step of `headers[name] += [...]`, which has reported already
            return
        self._lists[key] = new = self._list(key, merge_case_variants({key: value})[key])
        if old is not None:
            old.forget()
        if old != new:
            self._report(key, None if old is None else list(old), list(new))

    def __delitem__(self, name: str) -> None:
        key = _key(name)
        old = self._lists.pop(key)
        old.forget()
        self._report(key, list(old), None)

    def __ior__(self, headers: HeaderInput) -> Self:
        self.update(headers)
        return self

    def setdefault(self, name: str, default: Any = ()) -> ValueList:
        """Give the values of a header, set to the default if it is absent: a list to append to."""
        if name not in self:
            self[name] = default
        return self[name]

    def forget(self) -> None:
        """Report no more: these are the headers of no response any longer."""
        self._on_change = None

    def _list(self, name: str, values: Iterable[Any]) -> ValueList:
        return ValueList(values, on_change=lambda old, new: self._report(name, old, new))

    def _report(self, name: str, old: list[Any] | None, new: list[Any] | None) -> None:
        if self._on_change is not None:
            self._on_change(name, old, new)


class LiveHead:
    """Status, headers and cookies that a handler may set until the head is final."""

    def __init__(self, status: Any, headers: HeaderInput | None, cookies: Iterable[Any]) -> None:
        """Hold copies of what was given, unchecked until the head is finalized."""
        self._watches: list[HeadWatch] = []
        self._status = status
        self._headers = Headers(headers, on_change=self._header_changed)
        self._cookies = self._cookie_list(cookies)

    @property
    def status(self) -> Any:
        """The status; 100 to 599, or 0 for 200."""
        return self._status

    @status.setter
    def status(self, status: Any) -> None:
        old, self._status = self._status, status
        if old != status:
            self._changed("status", None, old, status)

    @property
    def headers(self) -> Headers:
        """The headers, live until the head is final."""
        return self._headers

    @headers.setter
    def headers(self, headers: HeaderInput) -> None:
        if headers is self._headers:
            return
        old, self._headers = self._headers, Headers(headers, on_change=self._header_changed)
        old.forget()
        for name in dict.fromkeys((*old, *self._headers)):
            before, after = _values(old, name), _values(self._headers, name)
            if before != after:
                self._changed("header", name, before, after)

    @property
    def cookies(self) -> ValueList:
        """The Set-Cookie values, live until the head is final."""
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: Iterable[Any]) -> None:
        if cookies is self._cookies:  # the last step of `cookies += [...]`
            return
        old, self._cookies = self._cookies, self._cookie_list(cookies)
        old.forget()
        if old != self._cookies:
            self._cookies_changed(list(old), list(self._cookies))

    def attach(self, watch: HeadWatch) -> None:
        """Report changes to this watch too."""
        self._watches.append(watch)

    def detach(self, watch: HeadWatch) -> None:
        """Report no more to this watch."""
        self._watches.remove(watch)

    def _cookie_list(self, cookies: Iterable[Any] | None) -> ValueList:
        if isinstance(cookies, str | bytes | Mapping) or not isinstance(cookies, Iterable | None):
            raise InvalidResponse(f"cookies must be a list of Set-Cookie values, not {cookies!r}")
        return ValueList(cookies or (), on_change=self._cookies_changed)

    def _header_changed(self, name: str, old: list[Any] | None, new: list[Any] | None) -> None:
        self._changed("header", name, old, new)

    def _cookies_changed(self, old: list[Any], new: list[Any]) -> None:
        self._changed("cookie", None, old, new)

    def _changed(self, field: str, name: str | None, old: object, new: object) -> None:
        for watch in tuple(self._watches):
            watch.changed(field, name, old, new)


def _key(name: str) -> str:
    return name.lower() if isinstance(name, str) else name


def _values(headers: Mapping[str, Any], name: str) -> list[Any] | None:
    return list(headers[name]) if name in headers else None
