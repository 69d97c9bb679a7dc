"""The least that a function can be."""

from typing import Any


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer."""
    return {"statusCode": 200, "body": "ok"}
