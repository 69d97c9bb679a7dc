"""What intrinsic functions of a template come to without AWS."""

from typing import Any

import pytest

from apptheory_emulator.template.intrinsics import Intrinsics, unknowns

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "test"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Secret": {"Type": "String"},
    },
    "Mappings": {"Sizes": {"test": {"memory": 256}}},
    "Conditions": {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "IsLive": {"Fn::Not": [{"Condition": "IsTest"}]},
        "Both": {"Fn::And": [{"Condition": "IsTest"}, {"Condition": "IsLive"}]},
        "Either": {"Fn::Or": [{"Condition": "Unsure"}, {"Condition": "IsTest"}]},
        "Unsure": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        "Itself": {"Condition": "Itself"},
    },
}


def branch(condition: str) -> dict[str, Any]:
    """An Fn::If that shows how a condition came out."""
    return {"Fn::If": [condition, "yes", "no"]}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Stage"}, "test"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "Secret"}, "${Secret}"),
        ({"Ref": "Table"}, "${Table}"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "${Table.Arn}"),
        ({"Fn::GetAtt": "Table.Arn"}, "${Table.Arn}"),
        ({"Fn::Sub": "${Stage}-${Table}-${!Literal}"}, "test-${Table}-${Literal}"),
        ({"Fn::Sub": ["${a}/${Stage}", {"a": {"Ref": "Stage"}}]}, "test/test"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-test"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": [7, {"Ref": "Zones"}]}, "${Select}"),
        ({"Fn::Split": ["-", "a-b"]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 256),
        ({"Fn::FindInMap": ["Sizes", "live", "memory"]}, "${FindInMap}"),
        ({"Fn::ImportValue": "other"}, "${ImportValue}"),
        (branch("IsTest"), "yes"),
        (branch("IsLive"), "no"),
        (branch("Both"), "no"),
        (branch("Either"), "yes"),
        (branch("Unsure"), "${If}"),
        (branch("Missing"), "${If}"),
        (branch("Itself"), "${If}"),
        ({"Ref": "AWS::NoValue"}, None),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"a": {"Fn::If": ["IsLive", 1, {"Ref": "AWS::NoValue"}]}}, {}),
        ({"Fn::Sub": ["a${x}b", {"x": {"Ref": "AWS::NoValue"}}]}, "ab"),
        ({"Ref": "a", "b": 1}, {"Ref": "a", "b": 1}),
        ({"RefreshToken": "a"}, {"RefreshToken": "a"}),
    ],
    ids=str,
)
def test_intrinsic_function_comes_to_its_value(node: object, value: object) -> None:
    """What only AWS knows stays as `${…}`; a node with two keys is no call."""
    assert Intrinsics(TEMPLATE).value(node) == value


def doubled(levels: int) -> Any:
    """A text that holds the one inside of it twice over, as often as it has levels."""
    node: Any = "x"
    for _ in range(levels):
        node = {"Fn::Sub": ["${a}${a}", {"a": node}]}
    return node


BOMBS: dict[str, tuple[dict[str, Any], object, object]] = {
    "conditions": (
        {"Conditions": {f"C{n}": {"Fn::And": [{"Condition": f"C{n - 1}"}] * 9} for n in range(1, 45)}},
        branch("C44"),
        "${If}",
    ),
    "a condition of itself": (
        {"Conditions": {"C": {"Fn::And": [{"Condition": "C"}] * 9}}},
        branch("C"),
        "${If}",
    ),
    "parameters": (
        {"Parameters": {f"P{n}": {"Default": {"Fn::Join": ["", [{"Ref": f"P{n - 1}"}] * 9]}} for n in range(1, 45)}},
        {"Ref": "P44"},
        "${Ref}",
    ),
    "mappings": (
        {"Mappings": {"M": {"a": {"b": [{"Fn::FindInMap": ["M", "a", "b"]}] * 9}}}},
        {"Fn::FindInMap": ["M", "a", "b"]},
        "${FindInMap}",
    ),
    "substitutions": ({}, doubled(10), "x" * 1024),
    "a text too long": ({}, doubled(21), "${Sub}"),
    "texts that join to one too long": ({}, {"Fn::Join": ["", [doubled(20), doubled(20)]]}, "${Join}"),
}


@pytest.mark.parametrize(("template", "node", "value"), BOMBS.values(), ids=BOMBS)
def test_a_template_that_multiplies_itself_comes_to_an_end(
    template: dict[str, Any], node: object, value: object
) -> None:
    """Each part is looked at once, and what would be longer than any template is not known."""
    assert Intrinsics(template).value(node) == value


def test_given_parameter_takes_the_place_of_its_default() -> None:
    """As when the stack is deployed with it."""
    assert Intrinsics(TEMPLATE, parameters={"Stage": "live"}).value(branch("IsLive")) == "yes"


def test_unknowns_names_what_only_aws_knows() -> None:
    """In texts, lists and tables; dynamic references too."""
    value = {"a": ["x", "${Table.Arn}:${AWS::Region}"], "b": "{{resolve:ssm:/name}}", "c": 1}

    assert unknowns(value) == ["Table.Arn", "AWS::Region", "resolve:ssm:/name"]
