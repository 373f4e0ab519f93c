#!/usr/bin/env python
"""Runs Django's commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quality.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from quality.pool.holders import named

    try:
        with named(" ".join(["command", *sys.argv[1:2]])):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # What the environment lacks is for its owner to read, without our stack.
        sys.exit(f"quality: {error}")


if __name__ == "__main__":
    main()
