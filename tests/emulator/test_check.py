"""`apptheory-emulate check`: each mistake is found at its line, nothing is found in what is right (features C01 to C08)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from apptheory_emulator.check.findings import RULES, check_template
from apptheory_emulator.cli import main
from apptheory_streaming.errors import UsageError

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "fixtures" / "apptheory_fixtures" / "templates"
BAD = sorted((TEMPLATES / "bad").iterdir())
GOOD = [*sorted((TEMPLATES / "good").iterdir()), ROOT / "docs" / "examples" / "deploy" / "template.yaml"]

STREAMING = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::Function
    Metadata: {apptheory: {browser: false}}
    Properties:
      Timeout: 60
      Runtime: RUNTIME
      Handler: HANDLER
      CodeUri: code
      FunctionUrlConfig: {AuthType: NONE}
"""
POLICY = """
Resources:
  Chat:
    Type: AWS::Lambda::Function
    Metadata: {apptheory: {streaming: true}}
    Properties: {FunctionName: chat, Runtime: nodejs22.x, Timeout: 9}
  Caller:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement: {Effect: Allow, Action: [ACTIONS], Resource: RESOURCE}
"""
ROLE = """
Resources:
  Api: {Type: "AWS::ApiGateway::RestApi", Properties: {Name: api}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      Integration:
        Type: AWS_PROXY
        Uri: !Sub "arn:aws:apigateway:eu-west-1:lambda:path/2021-11-15/functions/${Chat.Arn}/response-streaming-invocations"
        ResponseTransferMode: STREAM
        Credentials: !GetAtt Role.Arn
  Chat: {Type: "AWS::Lambda::Function", Properties: {Runtime: nodejs22.x, Timeout: 9}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement: [{Effect: Allow, Action: ACTION, Resource: "arn:aws:lambda:eu-west-1:123456789012:function:chat"}]
"""


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    result = CliRunner().invoke(main, ["check", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def found(folder: Path, text: str, name: str = "template.yaml") -> list[str]:
    """The ids of what is found in a template."""
    file = folder / name
    file.write_text(text)
    return [finding.id for finding in check_template(str(file))]


@pytest.mark.parametrize("template", BAD, ids=[path.stem for path in BAD])
def test_bad_template_has_the_one_finding_of_its_name_at_its_line(template: Path) -> None:
    """Each seeded mistake is found by its rule, where the comment `# found` stands."""
    line = next(number for number, text in enumerate(template.read_text().splitlines(), 1) if "# found" in text)

    findings = check_template(str(template))

    assert [(finding.id, finding.line) for finding in findings] == [(template.stem, line)]


def test_every_rule_has_its_bad_template() -> None:
    """A rule that nothing proves is no rule."""
    assert {path.stem for path in BAD} == set(RULES)


@pytest.mark.parametrize("template", GOOD, ids=[path.stem for path in GOOD])
def test_nothing_is_found_in_good_templates(template: Path) -> None:
    """What is right stays without a word, the example of the documents too."""
    assert run(template) == (0, "", "")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_rule_says_what_why_and_how_to_mend_it(rule: Any) -> None:
    """The texts that cfn-lint and the reference show."""
    assert rule.shortdesc
    assert rule.description.endswith(".")
    assert rule.fix
    assert not rule.fix.endswith(".")
    assert rule.source_url.startswith("https://docs.aws.amazon.com/")
    assert rule().severity in ("error", "warning")


def test_text_has_place_id_message_and_fix() -> None:
    """One line for the finding, one for the fix; exit code 1."""
    template = TEMPLATES / "bad" / "E9515.yaml"

    code, stdout, stderr = run(template)

    assert (code, stderr) == (1, "")
    first, second = stdout.splitlines()
    assert first.startswith(
        f"{template}:7:7: error E9515: Chat streams (its Function URL has InvokeMode: RESPONSE_STREAM)"
    )
    assert "AWS_LAMBDA_EXEC_WRAPPER" in second


def test_json_is_a_list_of_findings_of_all_templates() -> None:
    """For scripts."""
    code, stdout, _ = run(*BAD, "--format", "json")

    findings = json.loads(stdout)
    assert code == 1
    assert [finding["id"] for finding in findings] == [path.stem for path in BAD]
    assert findings[0] == {
        "file": str(BAD[0]),
        "line": 15,
        "column": 11,
        "end_line": 15,
        "end_column": 21,
        "id": "E9501",
        "severity": "error",
        "message": "Ticker streams (its Metadata say so), but an HTTP API buffers it",
        "fix": RULES["E9501"].fix,
    }


def test_json_of_nothing_is_an_empty_list() -> None:
    """Still a list, and the exit code says that all is well."""
    assert run(GOOD[0], "--format", "json") == (0, "[]\n", "")


def test_sarif_has_what_the_standard_requires() -> None:
    """Version, runs, tool.driver.name (3.13, 3.14, 3.19); results with a message, rules by their ids (3.27, 3.49)."""
    code, stdout, _ = run(*BAD, "--format", "sarif")

    log = json.loads(stdout)
    (run_of,) = log["runs"]
    driver = run_of["tool"]["driver"]
    assert code == 1
    assert (log["version"], log["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-2.1.0.json")
    assert driver["name"] == "apptheory-emulate check"
    assert {rule["id"] for rule in driver["rules"]} == set(RULES)
    for result in run_of["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        assert all(value >= 1 for value in place["region"].values())
        assert place["artifactLocation"]["uri"].endswith(f"{result['ruleId']}.yaml")


def test_sarif_names_files_by_uris(tmp_path: Path) -> None:
    """What a URI cannot have is percent-encoded (3.4.3), so that a viewer finds the file."""
    template = tmp_path / "my stack #1.yaml"
    template.write_text(BAD[0].read_text())

    _, stdout, _ = run(template, "--format", "sarif")

    (result,) = json.loads(stdout)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.endswith("/my%20stack%20%231.yaml")


def test_sarif_of_nothing_has_no_results() -> None:
    """A run that found nothing says so with an empty list (3.14.23)."""
    code, stdout, _ = run(GOOD[0], "--format", "sarif")

    assert code == 0
    assert json.loads(stdout)["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "there is no such file"),
        ("Resources: [", "template:2:1: not a template"),
        ("{", "template:2:1: not a template"),
        ("- a list", "not a template"),
        ("", "not a template"),
        ("Resources: {A: 1, A: 2}", "not a template: Duplicate found"),
        ("Outputs: {}", "not a template: it has no Resources"),
        ("Resources: [1]", "not a template: it has no Resources"),
        ("\x00\x01", "not a template"),
        ("Metadata: 5\nResources: {}", "not a template: cfn-lint cannot read it"),
        ("Resources: {A: {Type: x, Metadata: 5}}", "not a template: cfn-lint cannot read it"),
    ],
    ids=[
        "missing",
        "half",
        "brace",
        "list",
        "empty",
        "twice",
        "no resources",
        "resources as list",
        "binary",
        "metadata",
        "metadata of a resource",
    ],
)
def test_unreadable_template_is_one_line_and_exit_code_2(tmp_path: Path, text: str | None, why: str) -> None:
    """The line names the file; findings of other templates are still told."""
    file = tmp_path / "template"
    if text is not None:
        file.write_text(text)

    code, stdout, stderr = run(file, BAD[0])

    assert code == 2
    assert stderr.startswith(f"apptheory-emulate check: {file}")
    assert why in stderr
    assert stderr.count("\n") == 1
    assert "E9501" in stdout


def test_folder_is_no_template(tmp_path: Path) -> None:
    """Exit code 2 as well, and the line says what it is."""
    assert run(tmp_path) == (2, "", f"apptheory-emulate check: {tmp_path}: it is a folder; name the template in it\n")
    with pytest.raises(UsageError, match="it is a folder"):
        check_template(str(tmp_path))


@pytest.mark.parametrize("data", [b"Resources: {A: \xff}", b"\xff\xfeR\x00", b"\x7fELF\x02\x80"])
def test_file_that_is_no_text_is_said_to_be(tmp_path: Path, data: bytes) -> None:
    """In one line of ours: cfn-lint has an unfilled form for it."""
    file = tmp_path / "template.yaml"
    file.write_bytes(data)

    code, _, stderr = run(file)

    assert code == 2
    (line,) = stderr.splitlines()
    assert line.startswith(f"apptheory-emulate check: {file}: not a template: it is not UTF-8, at byte ")
    assert "{" not in line


@pytest.mark.parametrize(
    ("first", "count"), [("!Equals [!Ref AWS::Region, a]", 40), ("!Not [{Condition: C39}]", 40)], ids=["double", "ring"]
)
def test_conditions_that_cfn_lint_would_not_come_to_an_end_with_are_refused(
    tmp_path: Path, first: str, count: int
) -> None:
    """Each of which has the one before it twice; told with the line, before cfn-lint works them out."""
    doubled = (f"  C{i}: !And [{{Condition: C{i - 1}}}, {{Condition: C{i - 1}}}]\n" for i in range(1, count))
    file = tmp_path / "template.yaml"
    file.write_text(f"Conditions:\n  C0: {first}\n{''.join(doubled)}Resources: {{A: {{Type: 'AWS::SNS::Topic'}}}}\n")

    code, _, stderr = run(file)

    assert code == 2
    (line,) = stderr.splitlines()
    number, name = (2, "C0") if "Not" in first else (13, "C11")
    assert line.startswith(f"apptheory-emulate check: {file}:{number}: Conditions: with {name} they come to more than")


def test_as_many_conditions_as_people_write_are_taken(tmp_path: Path) -> None:
    """A hundred that name ten each, and a chain of them."""
    plain = "".join(f"  P{i}: !Equals [!Ref AWS::Region, '{i}']\n" for i in range(10))
    named = ", ".join(f"{{Condition: P{i}}}" for i in range(10))
    many = "".join(f"  M{i}: !Or [{named}]\n" for i in range(100))
    chain = "  L0: !Equals [!Ref AWS::Region, a]\n" + "".join(
        f"  L{i}: !Not [{{Condition: L{i - 1}}}]\n" for i in range(1, 30)
    )
    file = tmp_path / "template.yaml"
    file.write_text(f"Conditions:\n{plain}{many}{chain}Resources: {{A: {{Type: 'AWS::SNS::Topic'}}}}\n")

    assert run(file) == (0, "", "")


def test_without_a_template_the_usage_is_said() -> None:
    """Click's own exit code for wrong use."""
    code, _, stderr = run()

    assert code == 2
    assert "TEMPLATE" in stderr


@pytest.mark.parametrize(
    ("file", "code", "handler", "expected"),
    [
        ("app.mjs", "export const handler = awslambda.streamifyResponse(run);", "app.handler", ["E9510"]),
        ("lib/app.js", "exports.handler = awslambda.streamifyResponse(run);", "lib/app.handler", ["E9510"]),
        ("app.py", "from apptheory_streaming import sse_stream\n", "app.handler", ["E9510", "E9515"]),
        ("lib/app.py", "import apptheory_streaming\n", "lib.app.handler", ["E9510", "E9515"]),
        ("app.py", "import json  # not apptheory_streaming\n", "app.handler", []),
        ("other.py", "import apptheory_streaming\n", "app.handler", []),
        (
            "app.py",
            "\n" * 1_000_000 + "from apptheory_streaming import sse_stream\n",
            "app.handler",
            ["E9510", "E9515"],
        ),
    ],
    ids=["node", "node in a folder", "python", "python in a package", "buffered", "another file", "many empty lines"],
)
def test_handler_file_that_streams_is_noticed(
    tmp_path: Path, file: str, code: str, handler: str, expected: list[str]
) -> None:
    """When CodeUri is a folder here, the handler's file tells that it streams."""
    path = tmp_path / "code" / file
    path.parent.mkdir(parents=True)
    path.write_text(code)
    runtime = "python3.13" if file.endswith("py") else "nodejs22.x"

    assert sorted(found(tmp_path, STREAMING.replace("RUNTIME", runtime).replace("HANDLER", handler))) == expected


def test_code_that_cdk_put_beside_its_template_is_noticed(tmp_path: Path) -> None:
    """CDK's templates name a bucket, and the folder of the code in the Metadata."""
    (tmp_path / "asset.1a").mkdir()
    (tmp_path / "asset.1a" / "index.mjs").write_text("export const handler = awslambda.streamifyResponse(run);")
    chat = {
        "Type": "AWS::Lambda::Function",
        "Metadata": {"aws:asset:path": "asset.1a", "aws:asset:property": "Code"},
        "Properties": {
            "Code": {"S3Bucket": {"Fn::Sub": "assets-${AWS::Region}"}, "S3Key": "1a.zip"},
            "Handler": "index.handler",
            "Runtime": "nodejs22.x",
            "Timeout": 60,
        },
    }
    properties = {"AuthType": "AWS_IAM", "TargetFunctionArn": {"Fn::GetAtt": ["Chat", "Arn"]}}
    url = {"Type": "AWS::Lambda::Url", "Properties": properties}

    assert found(tmp_path, json.dumps({"Resources": {"Chat": chat, "Url": url}}), "Chat.template.json") == ["E9510"]


@pytest.mark.parametrize("kind", ["Alias", "Version"])
def test_url_of_an_alias_or_a_version_is_that_of_its_function(tmp_path: Path, kind: str) -> None:
    """What refers to one refers to the function."""
    resources = f"""
Resources:
  Chat:
    Type: AWS::Lambda::Function
    Metadata: {{apptheory: {{streaming: true}}}}
    Properties: {{Runtime: nodejs22.x, Handler: index.handler, Timeout: 9}}
  Live: {{Type: "AWS::Lambda::{kind}", Properties: {{FunctionName: !Ref Chat}}}}
  Url: {{Type: "AWS::Lambda::Url", Properties: {{TargetFunctionArn: !Ref Live, AuthType: AWS_IAM}}}}
"""

    assert found(tmp_path, resources) == ["E9510"]


def test_metadata_have_the_last_word(tmp_path: Path) -> None:
    """`streaming: false` says that a handler does not stream, whatever its code looks like."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("import apptheory_streaming\n")
    text = STREAMING.replace("RUNTIME", "python3.13").replace("HANDLER", "app.handler")

    assert found(tmp_path, text.replace("{browser: false}", "{streaming: false}")) == []


@pytest.mark.parametrize(
    ("actions", "resource", "expected"),
    [
        ('"lambda:InvokeFunction"', "!GetAtt Chat.Arn", ["E9504"]),
        ('"lambda:InvokeFunction"', "arn:aws:lambda:eu-west-1:123456789012:function:chat", ["E9504"]),
        ('"LAMBDA:invokefunction"', '!Sub "${Chat.Arn}"', ["E9504"]),
        ('"lambda:InvokeFunction", "lambda:InvokeWithResponseStream"', "!GetAtt Chat.Arn", []),
        ('"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"', "!GetAtt Chat.Arn", []),
        ('"lambda:InvokeFunction"', "arn:aws:lambda:eu-west-1:123456789012:function:other", []),
        ('"lambda:Invoke*"', '"*"', ["W9505"]),
        ('"lambda:*"', '!Sub "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:*"', ["W9505"]),
        ('"*"', '"*"', []),
    ],
    ids=["arn", "name", "sub", "both", "by url", "other", "pattern", "all functions", "administrator"],
)
def test_policies_are_read_as_iam_reads_them(tmp_path: Path, actions: str, resource: str, expected: list[str]) -> None:
    """Patterns, case, names and ARNs; an administrator is other tools' business."""
    assert found(tmp_path, POLICY.replace("ACTIONS", actions).replace("RESOURCE", resource)) == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [("lambda:InvokeFunction", ["E9504"]), ("lambda:InvokeWithResponseStream", []), ("s3:GetObject", ["E9504"])],
    ids=["buffered", "stream", "other"],
)
def test_role_of_a_streaming_integration_must_allow_it(tmp_path: Path, action: str, expected: list[str]) -> None:
    """Its credentials are those that API Gateway streams with."""
    assert found(tmp_path, ROLE.replace("ACTION", f'"{action}"')) == expected


def test_cfn_lint_ignores_what_a_resource_says_to_ignore(tmp_path: Path) -> None:
    """cfn-lint's own way to switch a rule off holds here too."""
    text = (
        BAD[0].read_text().replace("    Metadata:", "    Metadata:\n      cfn-lint: {config: {ignore_checks: [E9501]}}")
    )

    assert found(tmp_path, text) == []


@pytest.mark.parametrize("rules", ["apptheory_emulator.check.rules", "FOLDER"], ids=["module", "folder"])
def test_cfn_lint_loads_the_rules_by_itself(rules: str) -> None:
    """`--append-rules` takes the module or its folder; the message ends in the fix."""
    folder = str(ROOT / "emulator" / "apptheory_emulator" / "check" / "rules")
    chosen = folder if rules == "FOLDER" else rules
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()"]

    done = subprocess.run(
        [*lint, "--format", "parseable", "--append-rules", chosen, "--", str(TEMPLATES / "bad" / "W9508.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )

    (line,) = [line for line in done.stdout.splitlines() if ":W9508:" in line]
    assert ":5:5:5:12:W9508:" in line
    assert line.endswith("Set the function's Timeout to the longest stream, 900 seconds at most")


@pytest.mark.parametrize(
    ("template", "changes", "expected"),
    [
        ("good/rest_api.yaml", [("AWS::Serverless::Api", "AWS::Serverless::HttpApi")], ["E9501"]),
        ("good/rest_api.yaml", [("AWS::Serverless::Api", "AWS::Serverless::HttpApi"), ("${Watch.Arn}", "${Elsewhere}")], ["E9501"]),
        ("good/rest_api.yaml", [("responseTransferMode: STREAM", "responseTransferMode: BUFFERED")], ["E9502"]),
        ("good/rest_api.yaml", [("/response-streaming-invocations", "/invocations")], ["E9503"]),
        ("good/rest_api.yaml", [("2021-11-15/functions", "2015-03-31/functions")], ["E9503"]),
        ("good/rest_api.yaml", [("Resource: !GetAtt Watch.Arn", 'Resource: "*"')], ["W9505"]),
        ("good/rest_api.yaml", [("timeoutInMillis: 30000", "timeoutInMillis: 900001")], ["E9506"]),
        ("good/rest_api.yaml", [("longest_silence: 10", "longest_silence: 31")], ["W9509"]),
        ("good/rest_api.yaml", [(", longest_silence: 10", ""), ("StageName: live", "StageName: live\n      EndpointConfiguration: EDGE")], ["W9509"]),
        ("good/rest_api.yaml", [("timeoutInMillis: 30000", "timeoutInMillis: 30000\n                cacheKeyParameters: [a]")], ["W9513"]),
        ("good/rest_api.yaml", [("        openapi: 3.0.1", "        x-amazon-apigateway-minimum-compression-size: 5")], ["W9512"]),
        ("good/rest_api.yaml", [("      Cors:\n", "      Other:\n")], ["W9516"]),
        ("good/rest_api.yaml", [("      Cors:\n", "      Other:\n"), ("          /watch:\n", "          /watch:\n            options: {}\n")], []),
        ("good/rest_api.yaml", [("longest_stream: 25", "longest_stream: 31")], ["W9508"]),
        ("good/rest_api.yaml", [(", longest_stream: 25", ""), ("      Timeout: 30\n", "")], ["W9508"]),
        ("good/rest_api.yaml", [("      Timeout: 30\n", "      Timeout: 30\n      Events: {E: {Type: Api, Properties: {RestApiId: !Ref Public, Path: /watch, Method: get}}}\n")], []),
        ("good/sam_events.yaml", [("longest_silence: 120", "longest_silence: 301")], ["W9509"]),
        ("good/sam_events.yaml", [("Default: 120", "Default: 121")], ["W9507"]),
        ("good/sam_events.yaml", [("            ResponseTransferMode: STREAM\n", ""), ("longest_silence: 120", "streaming: true")], ["E9502"]),
        ("good/function_url.json", [('"InvokedViaFunctionUrl": true', '"InvokedViaFunctionUrl": true, "x": 1'), ('"Action": "lambda:InvokeFunction"', '"Action": "lambda:GetFunction"')], ["E9514"]),
        ("good/function_url.json", [('"Default": "yes"', '"Default": "no"'), ('"Action": "lambda:InvokeFunction"', '"Action": "lambda:GetFunction"')], []),
        ("good/function_url.json", [('"Cors": {"AllowOrigins": ["https://pages.example"], "AllowMethods": ["GET"]}', '"Cors": {"Ref": "AWS::NoValue"}')], ["W9511"]),
        ("good/function_url.json", [("provided.al2023", "ruby3.4")], ["E9515"]),
        ("good/web_adapter.yaml", [("          AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap\n", "")], ["E9515"]),
    ],
    ids=lambda value: str(value[0][1]).strip()[-50:] if isinstance(value, list) and value and isinstance(value[0], tuple) else None,
)  # fmt: skip
def test_one_change_to_a_good_template_is_found(
    tmp_path: Path, template: str, changes: list[tuple[str, str]], expected: list[str]
) -> None:
    """Other ways to make the same mistakes, and what is none after all."""
    text = (TEMPLATES / template).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)

    assert found(tmp_path, text, Path(template).name) == expected


def test_missing_cfn_lint_is_said_in_one_line() -> None:
    """The extra brings it; a part of the extra alone does not."""
    script = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "cfnlint":
            raise ModuleNotFoundError("No module named 'cfnlint'", name=name)
sys.meta_path.insert(0, Without())
from apptheory_emulator.__main__ import main
sys.argv = ["apptheory-emulate", "check", "template.yaml"]
main()
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.stderr == "apptheory-emulate needs cfnlint: pip install 'apptheory-streaming[emulator]'\n"
    assert done.returncode == 1


def wrong(value: Any) -> Iterator[Any]:
    """The template with one part of it of another type, for each part."""
    if isinstance(value, dict | list):
        yield from (
            None,
            7,
            "text",
            [],
            {},
            [None],
            {"Ref": ["x"]},
            {"Fn::Sub": {}},
            {"Fn::If": [1]},
            {"Ref": "AWS::NoValue"},
        )
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            for other in wrong(inner):
                copy = value.copy()
                copy[key] = other
                yield copy
    else:
        yield from (None, -1, "", "${}", [1], {"a": {}})


@pytest.mark.parametrize("template", [*BAD, *GOOD], ids=[path.stem for path in [*BAD, *GOOD]])
def test_parts_of_the_wrong_type_break_no_rule(template: Path) -> None:
    """What a part should be is cfn-lint's to say; our rules look away."""
    from cfnlint.decode import decode

    from apptheory_emulator.check.stack import Stack

    whole, _ = decode(str(template))
    for number, each in enumerate(wrong(whole)):
        if number % 3 or not isinstance(each, dict):
            continue
        for rule in RULES.values():
            for problem in rule().find(Stack(each, file=str(template))):
                assert problem.message
