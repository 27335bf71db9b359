"""`python -m tests.roles`: write docs/roles.md from the table."""

import os
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FACTORY_DATA"] = scratch  # no database is asked
        os.environ["DJANGO_SETTINGS_MODULE"] = "factory.settings"
        import django

        django.setup()
        from tests.roles.document import document

        PAGE.write_text(document())


if __name__ == "__main__":
    main()
