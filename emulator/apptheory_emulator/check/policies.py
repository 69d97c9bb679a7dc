"""The statements of a template's policies, whoever they belong to."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from apptheory_emulator.check.parts import Path, Statement
from apptheory_emulator.template.intrinsics import as_list, as_mapping

__all__ = ["statements"]

_NAME = re.compile(r"\$\{(\w+)")


def statements(resources: Mapping[str, Mapping[str, Any]]) -> Iterator[Statement]:
    """Give the statements of roles, policies and SAM's functions that allow something."""
    for name, resource in resources.items():
        properties = as_mapping(resource.get("Properties"))
        path: Path = ("Resources", name, "Properties")
        kind = resource.get("Type")
        if kind == "AWS::IAM::Role":
            for index, policy in enumerate(as_list(properties.get("Policies"))):
                document = as_mapping(policy).get("PolicyDocument")
                yield from _allowed(document, (*path, "Policies", index, "PolicyDocument"), {name})
        elif kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            roles = {found for each in as_list(properties.get("Roles")) for found in _NAME.findall(str(each))}
            yield from _allowed(properties.get("PolicyDocument"), (*path, "PolicyDocument"), roles or {name})
        elif kind == "AWS::Serverless::Function":
            policies = properties.get("Policies")
            for index, policy in enumerate(as_list(policies)):
                place: Path = (*path, "Policies", index) if isinstance(policies, list) else (*path, "Policies")
                yield from _allowed(policy, place, {name})


def _allowed(document: object, path: Path, roles: set[str]) -> Iterator[Statement]:
    found = as_mapping(document).get("Statement")
    for index, each in enumerate(as_list(found)):
        statement = as_mapping(each)
        if statement.get("Effect") == "Allow":
            place = (*path, "Statement", index) if isinstance(found, list) else (*path, "Statement")
            yield Statement(roles=frozenset(roles), properties=statement, path=place)
