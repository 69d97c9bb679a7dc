"""The entrance of `apptheory-emulate`, which says what to install when the extra is missing."""

import sys

__all__ = ["main"]

_EXTRA = ("aiohttp", "botocore", "cfnlint", "click", "dotenv", "httptools", "multidict", "watchfiles")


def main() -> None:
    """Run the command."""
    try:
        from apptheory_emulator.cli import main as command  # noqa: PLC0415 - may be missing

        command(prog_name="apptheory-emulate")  # which imports what only some of its options need
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.exit(f"apptheory-emulate needs {error.name}: pip install 'apptheory-streaming[emulator]'")
    except KeyboardInterrupt:  # before there is a command that could say it
        sys.exit("Aborted!")


if __name__ == "__main__":
    main()
