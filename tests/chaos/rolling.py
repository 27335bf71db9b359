"""`python -m tests.chaos.rolling`: rollups without a pause, beside the worker's, so that every kill meets one."""

import time

import django

PAUSE_SECONDS = 0.3


def main() -> None:
    django.setup()
    from django.db import Error, connection

    from telemetry.services.rollups import roll_up_due

    while True:
        try:
            roll_up_due()
        except Error:  # as a task that fails, and comes again
            connection.close()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
