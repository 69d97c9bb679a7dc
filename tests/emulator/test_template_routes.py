"""Routes of APIs in templates: from SAM's events, OpenAPI definitions and CloudFormation's resources to fronts."""

import logging
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator.gateways import FrontKind, Gateway
from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.loading import load_settings
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.fronts.rest_api import TransferMode
from apptheory_streaming.wire.throttle import Throttle

STREAMED = "arn:aws:apigateway:${AWS::Region}:lambda:path/2021-11-15/functions/${%s.Arn}/response-streaming-invocations"
BUFFERED = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%s.Arn}/invocations"

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {CodeUri: ., Runtime: python3.13, Handler: app.handler}
  Api: {BinaryMediaTypes: [image~1png]}
Resources:
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      EndpointConfiguration: {Type: REGIONAL}
      Variables: {table: items, account: !Ref Account}
      MethodSettings:
        - {ResourcePath: /*, HttpMethod: "*", ThrottlingRateLimit: 10, ThrottlingBurstLimit: 20}
        - {ResourcePath: "/~1items~1{id}", HttpMethod: GET, ThrottlingBurstLimit: 5}
  Items:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig: {AuthType: AWS_IAM}
      Events:
        One: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: "/items/{id}", Method: get, TimeoutInMillis: 5000}}
        All: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /items, Method: any, ResponseTransferMode: STREAM}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Rest:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        All: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: "/{proxy+}", Method: ANY}}
        Own: {Type: Api, Properties: {Path: /own, Method: post}}
        Default: {Type: HttpApi}
        Named:
          Type: HttpApi
          Properties: {Path: /named, Method: GET, RouteSettings: {ThrottlingBurstLimit: 3, ThrottlingRateLimit: 2}}
  Queue:
    Type: AWS::Serverless::Function
    Properties: {Events: {Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}}
"""

PLAIN = f"""
Resources:
  Chat:
    Type: AWS::Lambda::Function
    Metadata: {{"aws:asset:path": .}}
    Properties: {{Runtime: nodejs22.x, Handler: index.handler, Code: {{S3Bucket: assets, S3Key: a.zip}}}}
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {{Name: api, BinaryMediaTypes: ["*/*"]}}
  Rooms:
    Type: AWS::ApiGateway::Resource
    Properties: {{RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: rooms}}
  Room:
    Type: AWS::ApiGateway::Resource
    Properties: {{RestApiId: !Ref Api, ParentId: !Ref Rooms, PathPart: "{{room}}"}}
  Read:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Room
      HttpMethod: GET
      Integration: {{Type: AWS_PROXY, ResponseTransferMode: STREAM, TimeoutInMillis: 60000, Uri: !Sub "{STREAMED % "Chat"}"}}
  Root:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: ANY
      Integration: {{Type: AWS_PROXY, Uri: !Sub "{BUFFERED % "Chat"}"}}
  Preflight:
    Type: AWS::ApiGateway::Method
    Properties: {{RestApiId: !Ref Api, ResourceId: !Ref Rooms, HttpMethod: OPTIONS, Integration: {{Type: MOCK}}}}
  Stage:
    Type: AWS::ApiGateway::Stage
    Properties: {{RestApiId: !Ref Api, StageName: v1, Variables: {{a: b}}}}
"""

OPENAPI = """
openapi: 3.0.1
info: {title: api, version: "1"}
x-amazon-apigateway-binary-media-types: [audio/*, image/png]
paths:
  /watch:
    parameters: [{name: q, in: query}]
    get:
      responses: {200: {description: ok}}
      x-amazon-apigateway-integration:
        {type: aws_proxy, httpMethod: POST, responseTransferMode: STREAM, timeoutInMillis: 120000, uri: "%s"}
    x-amazon-apigateway-any-method:
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "%s"}
    options:
      x-amazon-apigateway-integration: {type: mock}
""" % (STREAMED % "Watch", BUFFERED % "Watch")  # noqa: UP031 - braces everywhere

DEFINED = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: live, EndpointConfiguration: REGIONAL, DefinitionUri: api.yaml}
  Watch:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: python3.13
      Handler: app.handler
      Events: {Get: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /watch, Method: get}}}
"""

HTTP = """
Resources:
  Chat:
    Type: AWS::Lambda::Function
    Metadata: {"aws:asset:path": .}
    Properties: {Runtime: nodejs22.x, Handler: index.handler, Code: {S3Bucket: assets, S3Key: a.zip}}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: api, ProtocolType: HTTP}
  Lambda:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt Chat.Arn
      PayloadFormatVersion: "2.0"
      TimeoutInMillis: 9000
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: "POST /chat/{room}", Target: !Join ["/", [integrations, !Ref Lambda]]}
  Other:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub "integrations/${Lambda}"}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: dev
      StageVariables: {a: b}
      DefaultRouteSettings: {ThrottlingBurstLimit: 9, ThrottlingRateLimit: 8}
      RouteSettings: {$default: {ThrottlingBurstLimit: 1}}
"""


def read(folder: Path, text: str) -> dict[str, FunctionSettings]:
    """Write a template and read its functions."""
    (folder / "template.yaml").write_text(text)
    return {each.name: each for each in load_settings(folder / "template.yaml")}


def test_events_of_sam_are_fronts(tmp_path: Path) -> None:
    """Stage, routes, modes, binary types, timeouts, throttling; what has a URL too has both, what has neither a URL."""
    functions = read(tmp_path, SAM)
    items, rest, queue = (functions[name] for name in ("Items", "Rest", "Queue"))
    shop: dict[str, Any] = {
        "kind": FrontKind.REST_API,
        "api": "Shop",
        "stage": "live",
        "stage_variables": {"table": "items"},
        "binary_media_types": ("image/png",),
    }

    assert (items.gateway, items.invoke_mode, items.auth) == (None, InvokeMode.BUFFERED, "AWS_IAM")
    assert items.also == (
        Gateway(routes=("GET /items/{id}",), throttle=Throttle(5, 10), timeout=5, **shop),
        Gateway(routes=("ANY /items",), throttle=Throttle(20, 10), transfer_mode=TransferMode.STREAM, **shop),
    )
    assert rest.gateway == Gateway(routes=("ANY /{proxy+}",), throttle=Throttle(20, 10), **shop)
    assert rest.also == (
        Gateway(
            kind=FrontKind.REST_API,
            api="ServerlessRestApi",
            stage="Prod",
            routes=("POST /own",),
            binary_media_types=("image/png",),
        ),
        Gateway(kind=FrontKind.HTTP_API, api="ServerlessHttpApi", routes=("$default",)),
        Gateway(kind=FrontKind.HTTP_API, api="ServerlessHttpApi", routes=("GET /named",), throttle=Throttle(3, 2)),
    )
    assert (queue.gateway, queue.also) == (None, ())


def test_methods_of_cloudformation_are_fronts(tmp_path: Path) -> None:
    """As CDK writes them: a tree of resources, a stage, an endpoint that is edge-optimized unless it says otherwise."""
    chat = read(tmp_path, PLAIN)["Chat"]
    api: dict[str, Any] = {
        "kind": FrontKind.REST_API,
        "api": "Api",
        "stage": "v1",
        "stage_variables": {"a": "b"},
        "binary_media_types": ("*/*",),
    }

    assert chat.gateway == Gateway(
        routes=("GET /rooms/{room}",), transfer_mode=TransferMode.STREAM, timeout=60, idle_seconds=30, **api
    )
    assert chat.also == (Gateway(routes=("ANY /",), **api),)
    assert chat.notes == ()


@pytest.mark.parametrize(
    "named",
    [
        "DefinitionUri: api.yaml",
        "DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: ./api.yaml}}}",
    ],
    ids=["DefinitionUri", "AWS::Include"],
)
def test_definitions_in_files_of_their_own(tmp_path: Path, named: str) -> None:
    """OpenAPI: what the integrations say counts, and not the events beside them."""
    (tmp_path / "api.yaml").write_text(OPENAPI)
    watch = read(tmp_path, DEFINED.replace("DefinitionUri: api.yaml", named))["Watch"]
    api: dict[str, Any] = {
        "kind": FrontKind.REST_API,
        "api": "Api",
        "stage": "live",
        "binary_media_types": ("audio/*", "image/png"),
    }

    assert watch.gateway == Gateway(routes=("GET /watch",), transfer_mode=TransferMode.STREAM, timeout=120, **api)
    assert watch.also == (Gateway(routes=("ANY /watch",), **api),)


def test_routes_of_an_http_api(tmp_path: Path) -> None:
    """Each route names its integration; settings of a route come before those of the stage."""
    chat = read(tmp_path, HTTP)["Chat"]
    api: dict[str, Any] = {
        "kind": FrontKind.HTTP_API,
        "api": "Api",
        "stage": "dev",
        "stage_variables": {"a": "b"},
        "timeout": 9,
    }

    assert chat.gateway == Gateway(routes=("POST /chat/{room}",), throttle=Throttle(9, 8), **api)
    assert chat.also == (Gateway(routes=("$default",), throttle=Throttle(1, 8), **api),)


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "a: {a: 1, a: 2}"], ids=["none", "list", "broken", "twice"])
def test_a_definition_that_cannot_be_read_is_told(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """With its line; what the events say of the routes counts then."""
    if text:
        (tmp_path / "api.yaml").write_text(text)
    with caplog.at_level(logging.WARNING, "apptheory_emulator"):
        watch = read(tmp_path, DEFINED)["Watch"]
    assert watch.gateway == Gateway(kind=FrontKind.REST_API, api="Api", stage="live", routes=("GET /watch",))
    assert f"{tmp_path}/template.yaml:6: the definition of the API in" in caplog.text


@pytest.mark.parametrize(
    ("template", "old", "new", "said"),
    [
        (SAM, "StageName: live", "StageName: !Ref Account", "the stage of Shop is not known here: prod instead"),
        (SAM, "StageName: live", "StageName: live\n      Cors: '*'", "Shop has CORS, which is not emulated"),
        (SAM, "StageName: live", "StageName: live\n      Auth: {ApiKeyRequired: true}", "Shop asks who calls"),
        (SAM, "Path: /named,", "Path: /named, PayloadFormatVersion: '1.0',", "this route asks for 1.0"),
        (PLAIN, "Type: AWS_PROXY,", "Type: AWS,", "its mapping templates are not emulated"),
    ],
    ids=["stage", "cors", "auth", "payload", "mapping"],
)
def test_what_an_api_would_do_and_nobody_does_here_is_noted(
    tmp_path: Path, template: str, old: str, new: str, said: str
) -> None:
    """Once for a function, with the line of a route."""
    notes = [note for each in read(tmp_path, template.replace(old, new)).values() for note in each.notes]
    assert sum(said in note for note in notes) in (1, 2)
    assert all(note.startswith(f"{tmp_path}/template.yaml:") for note in notes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Method: get,",
            "Method: fetch,",
            "a route is such as 'GET /users/{id}', 'ANY /{proxy+}', not 'FETCH /items/{id}'",
        ),
        ('Path: "/items/{id}"', "Path: items", "not 'GET items'"),
        ("TimeoutInMillis: 5000", "TimeoutInMillis: 0", "timeout"),
        ("StageName: live", "StageName: a/b", "a stage is a name such as 'prod', not 'a/b'"),
        ("ThrottlingBurstLimit: 5}", "ThrottlingBurstLimit: 0}", "burst must be a number of requests"),
    ],
    ids=["method", "path", "timeout", "stage", "burst"],
)
def test_what_no_api_can_have_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With file and line of the route."""
    with pytest.raises(UsageError) as refused:
        read(tmp_path, SAM.replace(old, new))
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path}/template.yaml:")
