"""Rewrites what the docs take from the code; `--check` only says whether they are up to date."""

import json
import re
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apptheory_emulator.check.findings import RULES
from apptheory_emulator.differences import DIFFERENCES
from apptheory_streaming.wire.adapters import ADAPTERS, REST_STREAMS_SINCE, Cell
from apptheory_streaming.wire.lifecycle import mermaid
from apptheory_streaming.wire.limits import AWS_NUMBERS, AwsNumber
from apptheory_streaming.wire.runtime_replies import RUNTIME_REFUSALS
from apptheory_streaming.wire.runtime_routes import RUNTIME_ROUTES
from apptheory_streaming.wire.runtime_states import runtime_mermaid
from apptheory_testkit.contract.schema import contract_schema

DOCS = Path(__file__).parent.parent / "docs"
TESTS = Path(__file__).parent.parent / "tests"
MIB = 1024 * 1024


def lifecycle() -> str:
    """Draw the life of a response."""
    return f"```mermaid\n{mermaid()}\n```"


def limits() -> str:
    """List the numbers that AWS publishes."""
    rows = [
        f"| {name} | {amount(number)} | {link(number.source)} | {number.read_on} |"
        for name, number in AWS_NUMBERS.items()
    ]
    return "\n".join(("| what | AWS's number | AWS's page | read on |", "|---|---|---|---|", *rows))


def routes() -> str:
    """List the routes of the Runtime API."""
    rows = [f"| `{method}` | `{path}` |" for method, path in RUNTIME_ROUTES.values()]
    return "\n".join(("| method | path |", "|---|---|", *rows))


def runtime_states() -> str:
    """Draw the life of a runtime."""
    return f"```mermaid\n{runtime_mermaid()}\n```"


def refusals() -> str:
    """List what the Runtime API refuses."""
    rows = []
    for when, reply in RUNTIME_REFUSALS.items():
        error = json.loads(reply.body)
        rows.append(f"| {reply.status} | `{error['errorType']}` | {error['errorMessage']} | {when} |")
    return "\n".join(("| status | error type | message | when |", "|---|---|---|---|", *rows))


def adapters() -> str:
    """Say which adapters stream."""
    rows = [
        f"| [{adapter}](#{anchor(adapter)}) | {'yes' if facts.can_stream else 'no'} | {facts.error_status} |"
        for adapter, facts in ADAPTERS.items()
    ]
    return "\n".join(("| adapter | streams | a function error is |", "|---|---|---|", *rows))


def adapter_facts() -> str:
    """Say what is known of each adapter."""
    parts = []
    for adapter, facts in ADAPTERS.items():
        rows = [f"| {name} | {told(cell)} |" for name, cell in facts.cells()]
        parts += [f"### {adapter}", "", "| what | how | | source | read on |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join(parts[:-1])


def rest_streams() -> str:
    """Say since when REST APIs stream."""
    cell = REST_STREAMS_SINCE
    return f"{cell.text} ({link(cell.source)}, read on {cell.read_on})"


def told(cell: Cell) -> str:
    """Give a statement with its grade, its source and its date."""
    return f"{cell.text} | {cell.grade} | {link(cell.source)} | {cell.read_on}"


def anchor(heading: str) -> str:
    """Give the anchor of a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")


def amount(number: AwsNumber) -> str:
    """Give a number with its unit, and bytes in MiB too."""
    exact = f"{number.value:,} {number.unit}"
    if not number.unit.startswith("bytes"):
        return exact
    return f"{number.value // MIB} MiB: {exact}" if number.value >= MIB else f"{number.value // 1024} KiB: {exact}"


def link(url: str) -> str:
    """Link to a page of AWS by its name."""
    name = url.rpartition("/")[2].removesuffix(".html")
    return f"[{'issue ' if name.isdecimal() else ''}{name}]({url})"


def node_cases() -> str:
    """List what Node handlers may do, and what comes of it."""
    return str(runpy.run_path(str(TESTS / "node_cases.py"))["table"]())


def runtime_cases() -> str:
    """List in what the runtimes differ."""
    return str(runpy.run_path(str(TESTS / "runtime_cases.py"))["table"]())


def check_rules() -> str:
    """List the rules of `check`."""
    rows = [
        f"| {name} | {rule.shortdesc} | {rule.description} | {rule.fix}. | {link(rule.source_url)} |"
        for name, rule in RULES.items()
    ]
    return "\n".join(("| id | what it finds | why | what to do | AWS's page |", "|---|---|---|---|---|", *rows))


def differences() -> str:
    """List what is served here and not on AWS."""
    rows = [
        f"| {name} | {each.when} | {each.here} | {each.aws} | {each.proof} | {link(each.source)} | {each.read_on} |"
        for name, each in DIFFERENCES.items()
    ]
    heads = ("| id | when it shows | served here | on AWS | how that is known | source | read on |", "|" + "---|" * 7)
    return "\n".join((*heads, *rows))


def contract_fields() -> str:
    """List the fields of contract documents."""
    schema = contract_schema()
    parts = [*object_rows("The document", schema)]
    for name, each in schema["$defs"].items():
        if "properties" in each:
            parts += object_rows(OBJECTS[name], each)
    return "\n".join(parts[:-1])


OBJECTS = {
    "setup": "setup",
    "route": "setup.routes",
    "cors": "setup.cors",
    "limits": "setup.limits",
    "our_setup": "setup.ours",
    "pace": "setup.ours.pace",
    "fault": "setup.ours.fault",
    "input": "input",
    "request": "input.request",
    "aws_event": "input.aws_event",
    "expect": "expect",
    "response": "expect.response",
    "our_expect": "expect.ours",
    "late_mutation": "expect.ours.late_mutations",
    "error": "expect.ours.error",
    "sse_event": "expect.ours.sse",
    "part": "expect.ours.data_stream",
    "piece": "A piece of a body",
}
"""Definition of the schema of contract documents -> where its objects stand."""


def object_rows(where: str, schema: Mapping[str, Any]) -> list[str]:
    """Give the heading and the table of one object."""
    required = schema.get("required", ())
    rows = [
        f"| `{name}`{'' if name in required else ', optional'} | {values_of(field)} | {field.get('description', '')} |"
        for name, field in schema["properties"].items()
    ]
    said = [schema["description"], ""] if where != "The document" and "description" in schema else []
    return [f"## {where}", "", *said, "| field | value | |", "|---|---|---|", *rows, ""]


def values_of(field: Mapping[str, Any]) -> str:
    """Say which values a field of a schema takes."""
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return VALUES.get(name) or f"[object](#{anchor(OBJECTS[name])})"
    if "anyOf" in field:
        return " or ".join(values_of(each) for each in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {values_of(field['items'])}" if "items" in field else "list"
    kinds = field.get("type", "any value")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


VALUES = {
    "moment": 'integer, or `{"seconds": number}`',
    "rule": "string",
    "texts": "string, or list of strings",
    "times": "list of numbers",
}
"""Definitions of that schema that are no objects."""


def score_cards(table: str) -> Callable[[], str]:
    """Make a table of the score cards that were written."""
    return lambda: str(runpy.run_path(str(TESTS / "score_cards.py"))[table]())


def documents() -> str:
    """Say where the contract's documents hold."""
    sys.path.insert(0, str(TESTS))  # for what that file imports
    return str(runpy.run_path(str(TESTS / "document_cases.py"))["table"]())


BLOCKS = {
    "explanation/architecture.md": {"lifecycle": lifecycle},
    "reference/check.md": {"rules": check_rules},
    "reference/contract-documents.md": {"contract-fields": contract_fields},
    "reference/documents.md": {"documents": documents},
    "reference/adapters.md": {"rest-streams": rest_streams, "adapters": adapters, "adapter-facts": adapter_facts},
    "reference/limits.md": {"limits": limits},
    "reference/node.md": {"node-cases": node_cases},
    "reference/runtime-api.md": {"routes": routes, "states": runtime_states, "refusals": refusals},
    "reference/strict.md": {"differences": differences},
    "reference/score-card.md": {
        "entries": score_cards("entries"),
        "matrix": score_cards("matrix"),
        "differences": score_cards("differences"),
        "cases": score_cards("case_table"),
    },
    "reference/runtimes.md": {"runtime-cases": runtime_cases},
}
"""Page -> name of a block on it -> what makes its content."""


def main() -> int:
    """Give 1 when `--check` finds a difference."""
    check = "--check" in sys.argv[1:]
    stale = 0
    for page, blocks in BLOCKS.items():
        before = after = (DOCS / page).read_text()
        for name, make in blocks.items():
            after = with_block(after, name, make())
        if before == after:
            continue
        if check:
            stale = 1
            print(f"docs/{page} is out of date: run `make generate`", file=sys.stderr)
        else:
            (DOCS / page).write_text(after)
    return stale


def with_block(text: str, name: str, content: str) -> str:
    """Put the content between `<!-- generated: name -->` and `<!-- end -->`, which must be there."""
    block = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    changed, count = block.subn(lambda found: f"{found[1]}{content}\n{found[2]}", text)
    if not count:
        sys.exit(f"there is no block `<!-- generated: {name} -->` to fill")
    return changed


if __name__ == "__main__":
    sys.exit(main())
