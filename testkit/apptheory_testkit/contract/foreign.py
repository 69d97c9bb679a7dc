"""Documents of the same format that are about AppTheory itself: they are named, and not run."""

from collections.abc import Mapping
from typing import Any

__all__ = ["why_foreign"]

_TIERS = frozenset({"m1", "m2", "m3", "m15", "m16", "mcp", "oauth", "objectstore", "vectorstore"})
_SETUP = frozenset(
    {
        *("middlewares", "http_error_format", "environment", "openapi", "logging_profile"),
        *("sqs", "eventbridge", "dynamodb", "kinesis", "sns", "websockets"),
        *("microvm_contract", "microvm_controller_route", "microvm_execution_role", "microvm_runtime_logging"),
        *("mcp", "oauth", "objectstore", "vectorstore"),
    }
)
_INPUT = frozenset(
    {"context", "logging_event", "logging_profile_catalog", "mcp", "oauth", "objectstore", "vectorstore"}
)
_EXPECT = frozenset(
    {
        *("output_json", "error", "logs", "metrics", "spans", "emf_logs", "ws_calls", "cloudwatch_logs_subscription"),
        *("profile_logs", "profile_validation_errors", "logging_profile_catalog"),
        *("microvm_contract_validation", "microvm_lifecycle_adapter", "microvm_controller_route"),
        *("microvm_execution_role", "microvm_runtime_logging", "mcp", "oauth"),
    }
)
_SOURCES = frozenset({"appsync"})


def why_foreign(document: Mapping[str, Any]) -> str | None:
    """Say what makes a document one of AppTheory's own; None for one of the streaming contract.

    What neither knows is for the schema to refuse.
    """
    tier = document.get("tier")
    if isinstance(tier, str) and tier in _TIERS:
        return f"documents of tier {tier} are about AppTheory itself"
    for part, names in (("setup", _SETUP), ("input", _INPUT), ("expect", _EXPECT)):
        found = sorted(names & set(_object(document, part)))
        if found:
            return f"{part}.{found[0]} is about AppTheory itself"
    source = _object(_object(document, "input"), "aws_event").get("source")
    if isinstance(source, str) and source in _SOURCES:
        return "AppSync is no HTTP front, and streams nothing"
    routes = _object(document, "setup").get("routes")
    for route in routes if isinstance(routes, list) else ():
        if isinstance(route, dict) and "auth_required" in route:
            return "setup.routes.auth_required is about AppTheory itself"
        if isinstance(route, dict) and "handler" in route and route["handler"] is None:
            return "a route without a handler is about AppTheory's own routing"
    return None


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
