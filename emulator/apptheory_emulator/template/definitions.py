"""Definitions of APIs in files of their own, put where a template only names them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import decode

from apptheory_emulator.template.intrinsics import Intrinsics, as_mapping

__all__ = ["Definitions"]

Place = tuple[str | int, ...]

_KEYS = {
    "AWS::Serverless::Api": "DefinitionBody",
    "AWS::Serverless::HttpApi": "DefinitionBody",
    "AWS::ApiGateway::RestApi": "Body",
    "AWS::ApiGatewayV2::Api": "Body",
}
_INCLUDE = "AWS::Include"


class Definitions:
    """A template with the OpenAPI files that it names by `DefinitionUri`, or by the transform AWS::Include.

    `missing` says, by path, which are in no file here.
    """

    def __init__(self, template: Mapping[str, Any], *, folder: Path) -> None:
        """Read the files, from `folder`."""
        self.missing: dict[Place, str] = {}
        self._folder = folder
        self._resolve = Intrinsics(template)
        resources = as_mapping(template.get("Resources"))
        self.template: Mapping[str, Any] = {
            **template,
            "Resources": {name: self._resource(name, as_mapping(each)) for name, each in resources.items()},
        }

    def _resource(self, name: str, resource: Mapping[str, Any]) -> Mapping[str, Any]:
        properties = as_mapping(resource.get("Properties"))
        key = _KEYS.get(str(resource.get("Type")))
        for named, location in _locations(properties, key):
            body = self._read(self._resolve.value(location), ("Resources", name, "Properties", named))
            others = {each: value for each, value in properties.items() if each != named}
            return {**resource, "Properties": {**others, **({} if body is None else {str(key): body})}}
        return resource

    def _read(self, location: object, place: Place) -> Mapping[str, Any] | None:
        file = self._folder / location if isinstance(location, str) and "\0" not in location else None
        if file is None or not file.is_file():
            self.missing[place] = f"the definition of the API in {location} is in no file here"
            return None
        body, broken = decode(str(file))
        if broken or not isinstance(body, Mapping):
            why = broken[0].message if broken else "it is no object"
            self.missing[place] = f"the definition of the API in {location} cannot be read: {why}"
            return None
        return body


def _locations(properties: Mapping[str, Any], key: str | None) -> Iterator[tuple[str, Any]]:
    """The key that names a file, and what it says of it."""
    if key == "DefinitionBody" and "DefinitionUri" in properties:
        yield "DefinitionUri", properties["DefinitionUri"]
    include = as_mapping(as_mapping(properties.get(key or "")).get("Fn::Transform"))
    if key and include.get("Name") == _INCLUDE:
        yield key, as_mapping(include.get("Parameters")).get("Location")
