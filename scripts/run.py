"""Starts the emulator on the chat example, shows one answer arriving, and goes on serving until Ctrl-C."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

CHAT = Path(__file__).parent.parent / "docs" / "examples" / "chat.py"
QUESTION = "Why does streaming feel faster?"


def main() -> int:
    """Serve on PORT (3000 if unset; 0 for a free one) and give the exit code of the emulator."""
    command = [sys.executable, "-m", "apptheory_emulator", f"{CHAT}:handler", "--ready-json"]
    command += ["--port", os.environ.get("PORT", "3000")]
    # A session of its own: Ctrl-C reaches this process alone, which passes it on once.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as emulator:
        assert emulator.stdout is not None
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            url = ready_url(emulator.stdout)
            if url is not None:
                show_answer(url)
                print(f"\nOpen {url} in a browser to chat, or press Ctrl-C to stop.\n", flush=True)
            return emulator.wait()
        except KeyboardInterrupt:
            emulator.send_signal(signal.SIGINT)
            return emulator.wait()


def ready_url(stdout: IO[str]) -> str | None:
    """Wait for the line that says where it serves; None when the emulator ended instead."""
    line = stdout.readline()
    return str(json.loads(line)["functions"][0]["url"]) if line else None


def show_answer(url: str) -> None:
    """Print each piece of one streamed answer when it arrives, with the time since the question."""
    path = f"chat?q={quote(QUESTION)}"
    print(f"\n$ curl -N '{url}{path}'\n", flush=True)
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    asked = time.monotonic()
    connection.request("GET", f"/{path}")
    response = connection.getresponse()
    while piece := response.read1():
        shown = piece.decode("utf-8", "replace").rstrip().replace("\n", "  ")
        print(f"{time.monotonic() - asked:6.2f} s  {shown}", flush=True)
    connection.close()


if __name__ == "__main__":
    sys.exit(main())
