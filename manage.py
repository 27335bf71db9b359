#!/usr/bin/env python
"""Django's command line for Smart Factory IoT."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "factory.settings")
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 -- settings first
    from django.core.management import execute_from_command_line  # noqa: PLC0415 -- settings first

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as reason:  # a setting's name and why it was refused
        sys.stderr.write(f"error: {reason}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
