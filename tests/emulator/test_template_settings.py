"""Settings from templates of SAM and CloudFormation: what is read, what is left out, and what is said of it."""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from apptheory_emulator.settings.function_settings import FunctionSettings
from apptheory_emulator.settings.loading import load_settings
from apptheory_emulator.workers.launch import WorkerKind
from apptheory_streaming.errors import UsageError
from apptheory_streaming.wire.cors import CorsConfig
from apptheory_streaming.wire.front import InvokeMode
from apptheory_streaming.wire.iam import AuthType

SAM = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: test}
Globals:
  Function:
    Timeout: 30
    Environment: {Variables: {STAGE: !Ref Stage, DEBUG: true}}
Resources:
  Chat:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub chat-${Stage}
      CodeUri: src
      Runtime: python3.13
      Handler: chat.handler
      MemorySize: 512
      Environment: {Variables: {TABLE: !Ref Table, LEVEL: 3}}
      FunctionUrlConfig:
        AuthType: AWS_IAM
        InvokeMode: RESPONSE_STREAM
        Cors: {AllowOrigins: ["https://pages.example"], AllowMethods: [GET], MaxAge: 60, AllowCredentials: true}
  Plain:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Runtime: nodejs22.x, Handler: index.handler, FunctionUrlConfig: {AuthType: NONE}}
  Queue:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Runtime: provided.al2023, Handler: main}
  Table:
    Type: AWS::DynamoDB::Table
"""

PLAIN = """
Resources:
  Chat:
    Type: AWS::Lambda::Function
    Metadata: {"aws:asset:path": src}
    Properties: {Runtime: nodejs22.x, Handler: index.handler, Code: {S3Bucket: assets, S3Key: a.zip}}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !GetAtt Chat.Arn, AuthType: NONE, InvokeMode: RESPONSE_STREAM}
"""


def read(folder: Path, text: str) -> tuple[FunctionSettings, ...]:
    """Write a template beside a folder `src` and read it."""
    (folder / "src").mkdir(exist_ok=True)
    (folder / "template.yaml").write_text(text)
    return load_settings(folder / "template.yaml")


def test_functions_of_sam_are_read_with_their_urls(tmp_path: Path) -> None:
    """Globals, parameters, environment, CORS; a URL buffers as on AWS when it does not say otherwise."""
    place = tmp_path / "template.yaml"

    chat, plain, queue = read(tmp_path, SAM)

    assert chat == FunctionSettings(
        name="chat-test",
        folder=tmp_path / "src",
        handler="chat.handler",
        kind=WorkerKind.PYTHON,
        environment={"STAGE": "test", "DEBUG": "true", "LEVEL": "3"},
        timeout=30,
        memory=512,
        auth=AuthType.AWS_IAM,
        cors=CorsConfig(
            allow_origins=("https://pages.example",), allow_methods=("GET",), max_age=60, allow_credentials=True
        ),
        notes=(f"{place}:18: Chat: the variable TABLE is ${{Table}}, which only AWS knows: it is left out",),
    )
    assert (plain.name, plain.kind, plain.invoke_mode, plain.memory) == (
        "Plain", WorkerKind.NODE, InvokeMode.BUFFERED, 128
    )  # fmt: skip
    assert (queue.exec, queue.handler, queue.kind) == ((str(tmp_path / "src" / "bootstrap"),), "main", None)


def test_function_and_url_of_cloudformation_are_one(tmp_path: Path) -> None:
    """As CDK writes them: the code is in the folder of its asset; without a Timeout it has 3 seconds, as on AWS."""
    (chat,) = read(tmp_path, PLAIN)

    assert (chat.name, chat.folder, chat.handler, chat.timeout) == ("Chat", tmp_path / "src", "index.handler", 3)
    assert (chat.invoke_mode, chat.auth, chat.notes) == (InvokeMode.RESPONSE_STREAM, AuthType.NONE, ())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Code: {S3Bucket: assets, S3Key: a.zip}",
            "PackageType: Image",
            "6: Chat is not served: it is a container image",
        ),
        ("nodejs22.x", "java21", "6: Chat is not served: the runtime java21 is not run here"),
        ("Runtime: nodejs22.x,", "", "6: Chat is not served: the runtime it does not name is not run here"),
        ("Handler: index.handler,", "", "6: Chat is not served: its handler is not known here"),
        ("index.handler", "!GetAtt A.B", "6: Chat is not served: its handler is not known here"),
        (
            "Runtime: nodejs22.x",
            "Runtime: nodejs22.x, Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap}}",
            "6: Chat is not served: it is a web server",
        ),
        ('{"aws:asset:path": src}', "{}", "6: Chat is not served: its code is not in a folder here"),
        ('{"aws:asset:path": src}', '{"aws:asset:path": gone}', "6: Chat is not served: there is no folder 'gone'"),
        ("AuthType: NONE", "AuthType: ALL", "9: AuthType must be RESPONSE_STREAM"),
        ("InvokeMode: RESPONSE_STREAM", "InvokeMode: STREAM", "9: InvokeMode must be RESPONSE_STREAM or BUFFERED"),
        (
            "AuthType: NONE",
            "AuthType: NONE, Cors: {AllowMethods: [OPTIONS]}",
            "9: Cors: allow_methods: 'OPTIONS' is none",
        ),
    ],
    ids=[
        "image",
        "java",
        "no runtime",
        "no handler",
        "unknown handler",
        "web adapter",
        "s3",
        "gone",
        "auth",
        "mode",
        "cors",
    ],
)
def test_what_cannot_be_served_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """When no other function is left, that is the error."""
    said = said.replace("AuthType must be RESPONSE_STREAM", "AuthType must be NONE or AWS_IAM")

    with pytest.raises(UsageError) as refused:
        read(tmp_path, PLAIN.replace(old, new))

    assert str(refused.value).startswith(f"{tmp_path}/template.yaml:{said}")


def test_other_functions_are_served_beside_one_that_cannot_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says which one is missing."""
    with caplog.at_level(logging.WARNING, "apptheory_emulator"):
        found = read(tmp_path, SAM.replace("nodejs22.x", "java21"))

    assert [function.name for function in found] == ["chat-test", "Queue"]
    assert "Plain is not served: the runtime java21 is not run here" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Timeout: 30", "Timeout: !Ref Table", "Timeout is ${Table}, which is no number here: 3 instead"),
        ("AuthType: AWS_IAM", "AuthType: !Ref Table", "AuthType is ${Table}, which only AWS knows: NONE here"),
        (
            "FunctionName: !Sub chat-${Stage}",
            "FunctionName: !Ref Table",
            "FunctionName is ${Table}, which only AWS knows",
        ),
    ],
    ids=["number", "choice", "name"],
)
def test_what_only_aws_knows_is_noted(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The function runs all the same."""
    chat = read(tmp_path, SAM.replace(old, new))[0]

    assert any(said in note for note in chat.notes)


def test_program_that_is_not_built_is_told_with_its_line(tmp_path: Path) -> None:
    """What a custom runtime is started by; the file may be read before."""
    queue = read(tmp_path, SAM)[2]

    with pytest.raises(UsageError) as refused:
        queue.function_config()

    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{tmp_path}/template.yaml:28: Queue: there is no program ")


def test_template_without_functions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"template\.yaml: it has no functions"):
        read(tmp_path, "Resources: {Table: {Type: 'AWS::DynamoDB::Table'}}")


async def test_function_of_a_template_answers(tmp_path: Path) -> None:
    """Lambda's own form of a handler's name, found in the folder of the code."""
    from asyncio import to_thread
    from urllib.request import urlopen

    from apptheory_emulator.server import Emulator

    settings = read(tmp_path, SAM.replace("AuthType: AWS_IAM", "AuthType: NONE"))[0]
    (tmp_path / "src" / "chat.py").write_text(
        "import os\n\ndef handler(event, context):\n    yield context.function_name + os.environ['STAGE']\n"
    )

    def ask(url: str) -> bytes:
        with urlopen(url, timeout=30) as response:
            return bytes(response.read())

    async with Emulator([settings.function_config()]) as emulator:
        assert await to_thread(ask, emulator.functions[0].url) == b"chat-testtest"


OTHERS: tuple[Any, ...] = (None, -1, "", "nan", "${x}", [1], {"a": {}}, {"Ref": ["x"]}, {"Ref": "AWS::NoValue"})


def broken(value: Any, others: Sequence[Any] = OTHERS) -> Iterator[Any]:
    """The value with one part of it of another type, for each part."""
    yield from others
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            for other in broken(inner, others):
                copy = value.copy()
                copy[key] = other
                yield copy


@pytest.mark.parametrize("kind", ["AWS::Serverless::Function", "AWS::Lambda::Function"], ids=["sam", "plain"])
def test_parts_of_the_wrong_type_are_refused_or_left_out(tmp_path: Path, kind: str) -> None:
    """Whatever stands in a template: settings, or a UsageError, and never another error of ours."""
    url = {"AuthType": "NONE", "InvokeMode": "BUFFERED", "Cors": {"AllowOrigins": ["*"], "MaxAge": 1}}
    properties = {
        "Runtime": "nodejs22.x",
        "Handler": "index.handler",
        "CodeUri": "src",
        "Timeout": 3,
        "MemorySize": 128,
        "Environment": {"Variables": {"A": "b"}},
        "FunctionUrlConfig": url,
    }
    (tmp_path / "src").mkdir()
    file = tmp_path / "template.json"
    refused = 0
    for each in broken({"Type": kind, "Properties": properties, "Metadata": {"apptheory": {"streaming": True}}}):
        file.write_text(
            json.dumps({"Resources": {"Chat": each, "Url": {"Type": "AWS::Lambda::Url", "Properties": url}}})
        )
        try:
            (settings,) = load_settings(file)
            settings.function_config()
        except UsageError as error:
            assert str(error)  # noqa: PT017 - most are refused, but not all
            refused += 1

    assert refused


def test_parts_of_apis_of_the_wrong_type_are_refused_or_left_out(tmp_path: Path) -> None:
    """As above, for events, definitions, methods, stages and their settings."""
    uri = "arn:aws:apigateway:eu-north-1:lambda:path/2015-03-31/functions/${Chat.Arn}/invocations"
    integration = {"uri": {"Fn::Sub": uri}, "responseTransferMode": "STREAM", "timeoutInMillis": 900}
    limits = {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 1}
    events = {
        "One": {"Type": "Api", "Properties": {"Path": "/a", "Method": "get", "RestApiId": {"Ref": "Own"}}},
        "Two": {"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "get", "RouteSettings": limits}},
    }
    function = {"Runtime": "nodejs22.x", "Handler": "index.handler", "CodeUri": "src", "Events": events}
    body = {"paths": {"/b": {"get": {"x-amazon-apigateway-integration": integration}}}}
    api = {"StageName": "live", "Variables": {"a": "b"}, "MethodSettings": [limits], "BinaryMediaTypes": ["*/*"]}
    parts = {
        "Chat": {"Type": "AWS::Serverless::Function", "Properties": function},
        "Own": {"Type": "AWS::Serverless::Api", "Properties": api},
        "Defined": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "x", "DefinitionBody": body}},
        "Filed": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "x", "DefinitionUri": "src"}},
        "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "x"}},
        "Part": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {"RestApiId": {"Ref": "Rest"}, "ParentId": {"Ref": "Part"}, "PathPart": "c"},
        },
        "Read": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Rest"},
                "ResourceId": {"Ref": "Part"},
                "HttpMethod": "GET",
                "Integration": {"Type": "AWS_PROXY", "Uri": {"Fn::Sub": uri}},
            },
        },
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"RestApiId": {"Ref": "Rest"}, "StageName": "v1"}},
    }
    (tmp_path / "src").mkdir()
    file = tmp_path / "template.json"
    refused, served = 0, 0
    for name, part in parts.items():
        for each in broken(part, (-1, [1], {"a": {}})):
            file.write_text(json.dumps({"Resources": parts | {name: each}}))
            try:
                for settings in load_settings(file):
                    served += settings.gateway is not None
            except UsageError as error:
                assert str(error)  # noqa: PT017 - most are refused, but not all
                refused += 1

    assert refused
    assert served
