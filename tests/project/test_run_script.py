"""What `make run` does once everything is installed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_an_answer_arriving_and_serves_until_it_is_told_to_stop(stop: signal.Signals) -> None:
    """The answer is on the terminal, the page is served, and Ctrl-C leaves no server behind."""
    command = [sys.executable, "-u", str(ROOT / "scripts" / "run.py")]
    environment = os.environ | {"PORT": "0", "CHAT_TOKEN_SECONDS": "0"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as running:
        assert running.stdout is not None
        shown: list[str] = []
        for line in running.stdout:
            shown.append(line)
            if line.startswith("Open "):
                break
        url = shown[-1].split()[1]
        with urlopen(url) as page:
            assert page.status == 200
        running.send_signal(stop)
        assert running.wait() == 0

    assert any("event: token" in line for line in shown)
    assert any("event: done" in line for line in shown)
    with pytest.raises(OSError, match="refused"):
        urlopen(url)
