"""Turns `python3 -m quality.start run` into one of the commands of the Makefile."""

# Until the version is checked, this file must be one that a Python of 2016 can read.
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is the file that an old Python meets first
    sys.exit(
        "quality needs Python 3.11 or newer; %s is %d.%d.\n"  # noqa: UP031
        "Name a newer one: make PYTHON=python3.12 run"
        % ((sys.executable or "python3",) + tuple(sys.version_info[:2]))  # noqa: RUF005
    )

from quality.start import checking, image, serve, testing
from quality.start.console import StartError, say
from quality.start.signals import Stopped, stop_signals

COMMANDS = {
    "run": serve.run,
    "test": testing.test,
    "chaos": checking.chaos,
    "soak": checking.soak,
    "image": image.image,
    "check": checking.check,
    "bench": checking.bench,
    "format": checking.format_code,
    "lock": checking.lock,
}


def main(arguments: "list[str]") -> int:
    command = COMMANDS.get(arguments[0]) if len(arguments) == 1 else None
    if command is None:
        say(f"usage: python3 -m quality.start {'|'.join(COMMANDS)}")
        return 2
    try:
        with stop_signals():
            return command()
    except StartError as error:
        say(f"\nquality: {error}")
        return 1
    except Stopped as stopped:
        say("\nquality: stopped before it was done.")
        return 128 + stopped.signal_number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
