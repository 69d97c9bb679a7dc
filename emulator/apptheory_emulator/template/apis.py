"""The APIs of a template: their stages, and what holds for all of their routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apptheory_emulator.check.parts import Api, Path, Route, number
from apptheory_emulator.check.stack import Stack, referred
from apptheory_emulator.gateways import IDLE_SECONDS, FrontKind
from apptheory_emulator.template.intrinsics import Intrinsics, as_list, as_mapping, unknowns
from apptheory_streaming.wire.limits import AWS_NUMBERS
from apptheory_streaming.wire.throttle import Throttle

__all__ = ["TemplateApi", "template_api"]

_IMPLICIT_REST, _IMPLICIT_HTTP = "ServerlessRestApi", "ServerlessHttpApi"
_EDGE_SECONDS = float(AWS_NUMBERS["API Gateway stream idle, edge-optimized"].value)
_BINARY = "x-amazon-apigateway-binary-media-types"
_ACCOUNT = {"ThrottlingBurstLimit": 5_000.0, "ThrottlingRateLimit": 10_000.0}
"""What an account has where only one of the two is said: docs.aws.amazon.com, "Quotas for REST APIs"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateApi:
    """An API by its logical name; `settings` are those of its methods or routes, `stage` None is the usual one."""

    name: str
    kind: FrontKind
    properties: Mapping[str, Any]
    path: Path
    stage: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def binary_media_types(self) -> tuple[str, ...]:
        """The types of a REST API; SAM writes `/` as `~1`."""
        bodies = (as_mapping(self.properties.get(key)) for key in ("DefinitionBody", "Body"))
        found = [*as_list(self.properties.get("BinaryMediaTypes"))]
        found += [each for body in bodies for each in as_list(body.get(_BINARY))]
        return tuple(dict.fromkeys(str(each).replace("~1", "/") for each in found if each and not unknowns(each)))

    @property
    def idle_seconds(self) -> float:
        """How long a stream may be silent: an endpoint is edge-optimized unless the template says otherwise."""
        api = Api(name=self.name, properties=self.properties, path=self.path, declared={})
        return _EDGE_SECONDS if api.endpoint in (None, "EDGE") else IDLE_SECONDS

    def throttle(self, key: str) -> Throttle | None:
        """Give what is set for a route such as `GET /items`, else for the whole stage.

        Raises UsageError for limits by which no request could pass.
        """
        default = as_mapping(self.settings.get("DefaultRouteSettings"))
        routes = as_mapping(as_mapping(self.settings.get("RouteSettings")).get(key))
        found = {**_limits(default), **_limits(routes)}
        for each in sorted(as_list(self.settings.get("MethodSettings")), key=_exactness):
            if _covers(as_mapping(each), key):
                found |= _limits(as_mapping(each))
        if not found:
            return None
        limits = _ACCOUNT | found
        return Throttle(int(limits["ThrottlingBurstLimit"]), limits["ThrottlingRateLimit"])


def template_api(stack: Stack, route: Route, template: Mapping[str, Any]) -> TemplateApi:
    """Give the API of a route, with its stage and what SAM's Globals say of one that has no resource."""
    kind = FrontKind.HTTP_API if route.http_api else FrontKind.REST_API
    implicit = _IMPLICIT_HTTP if route.http_api else _IMPLICIT_REST
    name = route.api if route.api in stack.resources else implicit
    resource = stack.resources.get(str(name))
    if resource is None:
        key = "HttpApi" if route.http_api else "Api"
        shared = as_mapping(as_mapping(Intrinsics(template).value(template.get("Globals"))).get(key))
        stage = None if route.http_api else "Prod"
        return _api(str(name), kind, shared, shared, ("Globals", key), stage)
    properties = as_mapping(resource.get("Properties"))
    path = ("Resources", str(name), "Properties")
    if str(resource.get("Type")).startswith("AWS::Serverless::"):
        return _api(str(name), kind, properties, properties, path, properties.get("StageName"))
    settings = _stage(stack, str(name))
    return _api(str(name), kind, properties, settings, path, settings.get("StageName"))


def _api(
    name: str, kind: FrontKind, properties: Mapping[str, Any], settings: Mapping[str, Any], path: Path, stage: object
) -> TemplateApi:
    variables = as_mapping(settings.get("StageVariables", settings.get("Variables")))
    return TemplateApi(
        name=name,
        kind=kind,
        properties=properties,
        path=path,
        stage=stage if isinstance(stage, str) and not unknowns(stage) else None,
        variables={name: str(value) for name, value in variables.items() if not unknowns(value)},
        settings=settings,
    )


def _stage(stack: Stack, api: str) -> Mapping[str, Any]:
    """The first stage of an API, or the deployment that makes one."""
    kinds = ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage", "AWS::ApiGateway::Deployment")
    for kind in kinds:
        for _, properties, _ in stack.of_type(kind):
            named = referred(properties.get("RestApiId", properties.get("ApiId")))
            if named == api and properties.get("StageName"):
                return {**as_mapping(properties.get("StageDescription")), **properties}
    return {}


def _limits(settings: Mapping[str, Any]) -> dict[str, float]:
    found = {name: number(settings.get(name)) for name in _ACCOUNT}
    return {name: value for name, value in found.items() if value is not None}


def _covers(settings: Mapping[str, Any], key: str) -> bool:
    method, _, path = key.partition(" ")
    return _path(settings) in ("/*", path) and settings.get("HttpMethod", "*") in ("*", method)


def _exactness(settings: object) -> tuple[bool, bool]:
    """What is said of one method comes last, and holds."""
    each = as_mapping(settings)
    return _path(each) != "/*", each.get("HttpMethod", "*") != "*"


def _path(settings: Mapping[str, Any]) -> str:
    """A resource as settings name it: `/~1items~1{id}`, or as it is."""
    return "/" + str(settings.get("ResourcePath", "/*")).replace("~1", "/").lstrip("/")
