"""Settings from a template of SAM or CloudFormation: the functions of it that can run here."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from apptheory_emulator.check.parts import Function, FunctionUrl, number
from apptheory_emulator.check.stack import Stack
from apptheory_emulator.gateways import Gateway
from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.template.apis import template_api
from apptheory_emulator.template.definitions import Definitions
from apptheory_emulator.template.intrinsics import as_list, as_mapping, unknowns
from apptheory_emulator.template.reading import TemplateFile
from apptheory_emulator.template.routes import gateway_of, merged, notes_on, routes_to
from apptheory_emulator.workers.launch import WorkerKind
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

__all__ = ["read_template"]

_log = logging.getLogger("apptheory_emulator")
_KINDS = {"python": WorkerKind.PYTHON, "nodejs": WorkerKind.NODE}
_WEB_ADAPTER = "/opt/bootstrap"
_OWN = ("provided", "go1.x")
_CORS = {
    "AllowOrigins": "allow_origins",
    "AllowMethods": "allow_methods",
    "AllowHeaders": "allow_headers",
    "ExposeHeaders": "expose_headers",
}


class _Unfit(Exception):  # noqa: N818 - no error: a function that only AWS can run
    """Why a function cannot run here, and at which path of the template that stands."""

    def __init__(self, why: str, path: tuple[str | int, ...]) -> None:
        super().__init__(why)
        self.path = path


def read_template(path: Path) -> tuple[FunctionSettings, ...]:
    """Give the functions of a template, in its order; the log says which ones cannot run here, and why.

    What only AWS knows, such as the name of a table, is left out and noted.  Raises UsageError for a file
    that is no template, and for one that has no function which can run here.
    """
    file = TemplateFile(str(path))
    definitions = Definitions(file.data, folder=path.parent)
    stack = Stack(definitions.template, file=str(path))
    for place, why in definitions.missing.items():
        _log.warning("%s:%s: %s; events alone say what its routes are", path, file.line_of(place), why)
    found, unfit = [], []
    for function in stack.functions.values():
        try:
            found.append(_Reading(file, stack, function).settings())
        except _Unfit as error:
            unfit.append(f"{path}:{file.line_of(error.path)}: {function.name} is not served: {error}")
    if not found:
        raise UsageError("; ".join(unfit) or f"{path}: it has no functions")
    for why in unfit:
        _log.warning("%s", why)
    return tuple(found)


class _Reading:
    """One function, read with notes on what had to be left out."""

    def __init__(self, file: TemplateFile, stack: Stack, function: Function) -> None:
        self._file = file
        self._stack = stack
        self._function = function
        self._notes: list[str] = []

    def settings(self) -> FunctionSettings:
        """Give the settings; raises _Unfit."""
        runtime = str(self._function.properties.get("Runtime", ""))
        kind = next((kind for prefix, kind in _KINDS.items() if runtime.startswith(prefix)), None)
        handler = self._text("Handler")
        if self._function.properties.get("PackageType") == "Image":
            raise self._unfit(
                "PackageType", "it is a container image; start it yourself, or name its handler in apptheory.toml"
            )
        if kind is None and not runtime.startswith(_OWN):
            raise self._unfit("Runtime", f"the runtime {runtime or 'it does not name'} is not run here")
        if self._function.variables.get("AWS_LAMBDA_EXEC_WRAPPER") == _WEB_ADAPTER:
            raise self._unfit("Environment", "it is a web server behind the Lambda Web Adapter; serve that with --web")
        if kind is not None and handler is None:
            raise self._unfit("Handler", "its handler is not known here")
        folder = self._folder()
        url = next((url for url in self._stack.urls if url.function == self._function.name), None)
        return FunctionSettings(
            name=self._text("FunctionName") or self._function.name,
            folder=folder,
            handler=handler,
            kind=kind,
            exec=None if kind else (str(folder / "bootstrap"),),
            environment=self._environment(),
            timeout=self._number("Timeout", 3),
            memory=int(self._number("MemorySize", 128)),
            **self._fronts(url),
            notes=tuple(self._notes),
            places={name: f"{self._place(path)}: {self._function.name}" for name, path in self._paths().items()},
        )

    def _folder(self) -> Path:
        """Where its code is: the folder here that SAM, `package` or CDK would upload."""
        properties = self._function.properties
        metadata = as_mapping(self._stack.resources[self._function.name].get("Metadata"))
        key = "CodeUri" if "CodeUri" in properties else "Code" if "Code" in properties else "InlineCode"
        code = metadata.get("aws:asset:path", properties.get(key, "."))
        if "InlineCode" in properties or as_mapping(code).get("ZipFile"):
            raise self._unfit(key, "its code is inline; put it in a file, which CodeUri names the folder of")
        if not isinstance(code, str) or "://" in code or unknowns(code):
            raise self._unfit(key, "its code is not in a folder here")
        folder = (Path(self._file.file).parent / code).resolve()
        if not folder.is_dir():
            raise self._unfit(key, f"there is no folder {code!r} beside the template; build it first")
        return folder

    def _fronts(self, url: FunctionUrl | None) -> dict[str, Any]:
        """Its Function URL, and the APIs that lead to it; one that has neither gets a URL to be asked at."""
        gateways = self._gateways()
        if url is None and gateways:
            return {"gateway": gateways[0], "also": gateways[1:]}
        return {**self._of_url(url), "also": gateways}

    def _gateways(self) -> tuple[Gateway, ...]:
        """What stands in front of it on the ways through APIs; a note that holds for all routes is there once."""
        found: list[Gateway] = []
        told: set[str] = set()
        for key, route in routes_to(self._stack, self._function.name):
            api = template_api(self._stack, route, self._file.data)
            try:
                found.append(gateway_of(api, key, route))
            except UsageError as error:
                raise UsageError(f"{self._place(route.path)}: {error}") from error
            for note in notes_on(api, route):
                if note not in told:
                    told.add(note)
                    self._note(note, route.path)
        return merged(found)

    def _of_url(self, url: FunctionUrl | None) -> dict[str, Any]:
        if url is None:
            return {}
        mode = self._choice(url, "InvokeMode", InvokeMode, InvokeMode.BUFFERED)
        auth = self._choice(url, "AuthType", AuthType, AuthType.NONE)
        return {"invoke_mode": InvokeMode(mode), "auth": AuthType(auth), "cors": self._cors(url)}

    def _choice(self, url: FunctionUrl, key: str, kind: Iterable[str], otherwise: str) -> str:
        value = url.properties.get(key, otherwise)
        if unknowns(value):
            self._note(f"{key} is {value}, which only AWS knows: {otherwise} here", (*url.path, key))
            return otherwise
        if value not in list(kind):
            raise UsageError(f"{self._place((*url.path, key))}: {key} must be {' or '.join(kind)}, not {value!r}")
        return str(value)

    def _cors(self, url: FunctionUrl) -> CorsConfig | None:
        cors = url.properties.get("Cors")
        if not isinstance(cors, Mapping):
            return None
        path = (*url.path, "Cors")
        if unknowns(cors):
            self._note(
                f"Cors has {', '.join(unknowns(cors))}, which only AWS knows: these are taken as they stand", path
            )
        age = number(cors.get("MaxAge"))
        try:
            return CorsConfig(
                **{ours: tuple(map(str, as_list(cors.get(name)))) for name, ours in _CORS.items()},
                max_age=None if age is None else int(age),
                allow_credentials=str(cors.get("AllowCredentials", "")).lower() == "true",
            )
        except UsageError as error:
            raise UsageError(f"{self._place(path)}: Cors: {error}") from error

    def _environment(self) -> dict[str, str]:
        values = {}
        for name, value in self._function.variables.items():
            if unknowns(value):
                why = f"the variable {name} is {value}, which only AWS knows: it is left out"
                self._note(why, (*self._function.path, "Environment", "Variables", name))
            else:
                values[name] = str(value).lower() if isinstance(value, bool) else str(value)
        return values

    def _text(self, key: str) -> str | None:
        value = self._function.properties.get(key)
        if value is not None and unknowns(value):
            self._note(f"{key} is {value}, which only AWS knows", (*self._function.path, key))
        return value if isinstance(value, str) and not unknowns(value) else None

    def _number(self, key: str, otherwise: float) -> float:
        """A number of the template; AWS's own default where there is none."""
        value = self._function.properties.get(key, otherwise)
        found = number(value)
        if found is None or not found > 0:
            self._note(f"{key} is {value}, which is no number here: {otherwise:g} instead", (*self._function.path, key))
        return found if found is not None and found > 0 else otherwise

    def _note(self, text: str, path: tuple[str | int, ...]) -> None:
        self._notes.append(f"{self._place(path)}: {self._function.name}: {text}")

    def _paths(self) -> dict[str, tuple[str | int, ...]]:
        """Where the parts stand that a worker is made of."""
        path = self._function.path
        return {"handler": (*path, "Handler"), "exec": path, "environment": (*path, "Environment")}

    def _place(self, path: tuple[str | int, ...]) -> str:
        return f"{self._file.file}:{self._file.line_of(path)}"

    def _unfit(self, key: str, why: str) -> _Unfit:
        return _Unfit(why, (*self._function.path, key))
