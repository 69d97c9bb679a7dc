"""A template, sorted into the parts that the rules look at."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path as File
from typing import Any

from apptheory_emulator.check.handler_file import streaming_in_code
from apptheory_emulator.check.parts import Api, Function, FunctionUrl, Path, Permission, Route, Statement
from apptheory_emulator.check.policies import statements
from apptheory_emulator.template.intrinsics import Intrinsics, as_mapping

__all__ = ["Stack", "referred"]

_REFERENCE = re.compile(r"\$\{(\w+)(?:\.\w+)?\}")
_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_ALIASES = ("AWS::Lambda::Alias", "AWS::Lambda::Version")
_REST_APIS = ("AWS::Serverless::Api", "AWS::ApiGateway::RestApi")
_IMPLICIT_API = "ServerlessRestApi"


class Stack:
    """The resources of a template, with intrinsic functions resolved where they can be.

    `file` is where it was read: a `CodeUri` is relative to its folder.
    """

    def __init__(self, template: Mapping[str, Any], *, file: str | None = None) -> None:
        """Take the resources; nothing is read before it is asked for."""
        self._folder = File(file).parent if file else File()
        resolve = Intrinsics(template)
        self._defaults = _settings(resolve.value(template.get("Metadata")))
        self.resources: dict[str, Mapping[str, Any]] = {
            str(name): {**as_mapping(resolve.value(resource))}
            for name, resource in as_mapping(template.get("Resources")).items()
        }

    def of_type(self, *types: str) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
        """Give name, properties and path of the resources of some types."""
        for name, resource in self.resources.items():
            if resource.get("Type") in types:
                yield name, as_mapping(resource.get("Properties")), ("Resources", name, "Properties")

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Functions by their logical names."""
        return {
            name: Function(
                name=name,
                properties=properties,
                path=path,
                declared=self._declared(name),
                code=streaming_in_code(properties, folder=self._folder, asset=self._asset(name)),
            )
            for name, properties, path in self.of_type(*_FUNCTIONS)
        }

    @cached_property
    def urls(self) -> list[FunctionUrl]:
        """Function URLs, those of SAM's functions too."""
        of_sam = [
            FunctionUrl(
                function=name,
                properties=as_mapping(properties["FunctionUrlConfig"]),
                path=(*path, "FunctionUrlConfig"),
                sam=True,
            )
            for name, properties, path in self.of_type("AWS::Serverless::Function")
            if "FunctionUrlConfig" in properties
        ]
        own = [
            FunctionUrl(function=self.named(each.get("TargetFunctionArn")), properties=each, path=path, sam=False)
            for _, each, path in self.of_type("AWS::Lambda::Url")
        ]
        return of_sam + own

    @cached_property
    def apis(self) -> dict[str, Api]:
        """REST APIs by their logical names."""
        return {
            name: Api(name=name, properties=properties, path=path, declared=self._declared(name))
            for name, properties, path in self.of_type(*_REST_APIS)
        }

    @cached_property
    def routes(self) -> list[Route]:
        """Integrations of REST and HTTP APIs, wherever they are written."""
        return [*self._methods(), *self._http_integrations(), *self._bodies(), *self._events()]

    @cached_property
    def statements(self) -> list[Statement]:
        """Statements of policies that allow something."""
        return list(statements(self.resources))

    @cached_property
    def permissions(self) -> list[Permission]:
        """Permissions in the policies of functions."""
        return [
            Permission(function=self.named(each.get("FunctionName")), properties=each)
            for _, each, _ in self.of_type("AWS::Lambda::Permission")
        ]

    def named(self, text: object) -> str | None:
        """Find the function that a name, an ARN or a URI refers to, by itself or by an alias or a version of it."""
        if not isinstance(text, str):
            return None
        for found in _REFERENCE.finditer(text):
            name = self._aliases.get(found[1], found[1])
            if name in self.functions:
                return name
        last = text.split("/functions/")[-1].split("/")[0].split(":function:")[-1]
        names = (name for name, each in self.functions.items() if each.properties.get("FunctionName") == last)
        return next(names, None)

    def why_streaming(self, name: str | None) -> str | None:
        """Say what tells us that a function streams, or give None; its Metadata has the last word."""
        function = self.functions.get(name or "")
        if function is None:
            return None
        said = function.declared.get("streaming")
        if said is not None:
            return "its Metadata say so" if str(said).lower() == "true" else None
        if function.code:
            return f"{function.code} does"
        if any(url.streams and url.function == name for url in self.urls):
            return "its Function URL has InvokeMode: RESPONSE_STREAM"
        if any(route.streams and route.function == name for route in self.routes):
            return "an API Gateway integration streams it"
        return None

    def _declared(self, name: str) -> Mapping[str, Any]:
        """What Metadata say, those of the whole template for what the resource leaves open."""
        return {**self._defaults, **_settings(self.resources[name].get("Metadata"))}

    @cached_property
    def _aliases(self) -> dict[str, str]:
        """What aliases and versions are of, by their logical names."""
        named = ((name, referred(each.get("FunctionName"))) for name, each, _ in self.of_type(*_ALIASES))
        return {name: function for name, function in named if function is not None}

    def _asset(self, name: str) -> object:
        """Where CDK put the code of a function, beside the template."""
        return as_mapping(self.resources[name].get("Metadata")).get("aws:asset:path")

    def _methods(self) -> Iterator[Route]:
        for _, properties, path in self.of_type("AWS::ApiGateway::Method"):
            integration = as_mapping(properties.get("Integration"))
            function = self.named(integration.get("Uri"))
            api = referred(properties.get("RestApiId"))
            yield Route(function=function, properties=integration, path=(*path, "Integration"), api=api)

    def _http_integrations(self) -> Iterator[Route]:
        for _, properties, path in self.of_type("AWS::ApiGatewayV2::Integration"):
            function = self.named(properties.get("IntegrationUri"))
            yield Route(function=function, properties=properties, path=path, http_api=True)

    def _bodies(self) -> Iterator[Route]:
        yield from self._integrations("DefinitionBody", "AWS::Serverless::Api")
        yield from self._integrations("Body", "AWS::ApiGateway::RestApi")
        yield from self._integrations("DefinitionBody", "AWS::Serverless::HttpApi", http_api=True)
        yield from self._integrations("Body", "AWS::ApiGatewayV2::Api", http_api=True)

    def _integrations(self, key: str, kind: str, *, http_api: bool = False) -> Iterator[Route]:
        name_of = "x-amazon-apigateway-integration"
        for api, properties, path in self.of_type(kind):
            paths = as_mapping(as_mapping(properties.get(key)).get("paths"))
            for route, methods in paths.items():
                for method, operation in as_mapping(methods).items():
                    integration = as_mapping(as_mapping(operation).get(name_of))
                    if integration:
                        yield Route(
                            function=self.named(integration.get("uri")),
                            properties=integration,
                            path=(*path, key, "paths", route, method, name_of),
                            api=api,
                            http_api=http_api,
                        )

    def _events(self) -> Iterator[Route]:
        """The events of SAM's functions; those of an API with a definition of its own only name what stands there."""
        for name, properties, path in self.of_type("AWS::Serverless::Function"):
            for event, each in as_mapping(properties.get("Events")).items():
                kind = as_mapping(each).get("Type")
                settings = as_mapping(as_mapping(each).get("Properties"))
                api = referred(settings.get("RestApiId", settings.get("ApiId"))) or _IMPLICIT_API
                if kind not in ("Api", "HttpApi") or self._is_defined(api):
                    continue
                yield Route(
                    function=name,
                    properties=settings,
                    path=(*path, "Events", event, "Properties") if settings else (*path, "Events", event),
                    api=api,
                    http_api=kind == "HttpApi",
                    made_by_sam=True,
                )

    def _is_defined(self, api: str) -> bool:
        properties = as_mapping(as_mapping(self.resources.get(api)).get("Properties"))
        return "DefinitionBody" in properties or "DefinitionUri" in properties


def _settings(metadata: object) -> Mapping[str, Any]:
    return as_mapping(as_mapping(metadata).get("apptheory"))


def referred(text: object) -> str | None:
    """Name the resource or parameter that a value refers to, if it refers to one."""
    found = _REFERENCE.search(text) if isinstance(text, str) else None
    return found[1] if found else None
