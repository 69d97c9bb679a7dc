"""Rewrites what the docs take from the code; `--check` only says whether they are up to date."""

import json
import re
import runpy
import sys
from pathlib import Path

from apptheory_emulator.check.findings import RULES
from apptheory_streaming.wire.adapters import ADAPTERS, REST_STREAMS_SINCE, Cell
from apptheory_streaming.wire.lifecycle import mermaid
from apptheory_streaming.wire.limits import AWS_NUMBERS, AwsNumber
from apptheory_streaming.wire.runtime_replies import RUNTIME_REFUSALS
from apptheory_streaming.wire.runtime_routes import RUNTIME_ROUTES
from apptheory_streaming.wire.runtime_states import runtime_mermaid

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
    return f"[{url.rpartition('/')[2].removesuffix('.html')}]({url})"


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


BLOCKS = {
    "explanation/architecture.md": {"lifecycle": lifecycle},
    "reference/check.md": {"rules": check_rules},
    "reference/adapters.md": {"rest-streams": rest_streams, "adapters": adapters, "adapter-facts": adapter_facts},
    "reference/limits.md": {"limits": limits},
    "reference/node.md": {"node-cases": node_cases},
    "reference/runtime-api.md": {"routes": routes, "states": runtime_states, "refusals": refusals},
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
