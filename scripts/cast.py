"""Records `make run` and draws it as an animated SVG: docs/images/stream.svg, with the times of the recording."""

import os
import signal
import subprocess
import sys
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "stream.svg"
LAST_LINE = "Open "
ROW, LEFT, TOP, WIDTH, ROWS = 19, 16, 44, 820, 13
HOLD_SECONDS = 3.0

STYLE = """
  .window { fill: #16181d; } .bar { fill: #24272e; } .title { fill: #8b93a1; }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d7dce5; white-space: pre; }
  .command { fill: #8fd694; } .time { fill: #7aa2f7; }
"""


def main() -> None:
    """Record and draw."""
    lines = record()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(lines))


def record() -> list[tuple[float, str]]:
    """Run the command and give each line that it prints with the seconds since the question."""
    environment = os.environ | {"CHAT_TOKEN_SECONDS": "0.1", "PORT": "3000"}
    command = [sys.executable, str(ROOT / "scripts" / "run.py")]
    lines: list[tuple[float, str]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        began = time.monotonic()
        for line in running.stdout:
            if line.startswith("$ "):
                began = time.monotonic()
            lines.append((max(0.0, time.monotonic() - began), line.rstrip()))
            if line.startswith(LAST_LINE):
                running.send_signal(signal.SIGINT)
    return [(0.0, "$ make run"), *((at, line) for at, line in lines if line)]


def draw(lines: list[tuple[float, str]]) -> str:
    """Draw a window in which each line appears at its time, again and again."""
    total = lines[-1][0] + HOLD_SECONDS
    rows = "\n".join(draw_line(index, at / total, total, line) for index, (at, line) in enumerate(lines))
    height = TOP + ROW * ROWS + 6
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">
<title>make run: the answer of the chat example arrives token by token</title>
<style>{STYLE}</style>
<rect class="window" width="{WIDTH}" height="{height}" rx="8"/>
<path class="bar" d="M0 8a8 8 0 0 1 8-8h{WIDTH - 16}a8 8 0 0 1 8 8v22H0z"/>
<circle cx="18" cy="15" r="5" fill="#ff5f57"/><circle cx="36" cy="15" r="5" fill="#febc2e"/>
<circle cx="54" cy="15" r="5" fill="#28c840"/>
<text class="title" x="{WIDTH // 2}" y="20" text-anchor="middle">terminal</text>
<clipPath id="screen"><rect y="{TOP - 12}" width="{WIDTH}" height="{ROW * ROWS}"/></clipPath>
<g clip-path="url(#screen)"><g>
{scroll([at / total for at, _ in lines], total)}
{rows}
</g></g>
</svg>
"""


def scroll(shares: list[float], total: float) -> str:
    """Move the text up by a row for each line that the window has no room for."""
    steps = [(0.0, 0), *((share, ROW * count) for count, share in enumerate(shares[ROWS:], 1))]
    values = ";".join(f"0 {-offset}" for _, offset in steps)
    times = ";".join(f"{share:.4f}" for share, _ in steps)
    return (
        f'<animateTransform attributeName="transform" type="translate" values="{values}" keyTimes="{times}" '
        f'dur="{total:.2f}s" calcMode="discrete" repeatCount="indefinite"/>'
    )


def draw_line(row: int, at: float, total: float, line: str) -> str:
    """One line of text, hidden until its share `at` of the whole time."""
    appear = (
        f'<animate attributeName="opacity" values="0;1" keyTimes="0;{max(at, 0.0001):.4f}" dur="{total:.2f}s" '
        'calcMode="discrete" repeatCount="indefinite"/>'
        if at > 0
        else ""
    )
    kind = "command" if line.startswith("$ ") else "line"
    return f'<text class="{kind}" x="{LEFT}" y="{TOP + 4 + row * ROW}">{escape(line)}{appear}</text>'


if __name__ == "__main__":
    main()
