from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from ota.signing import fingerprint, keys_folder, make_key


class Command(BaseCommand):
    help = (
        "Make a pair of keys for signing firmware. The private one is for whoever signs, and is best moved off "
        "this machine; the public one is trusted by this plant from now on, beside those it trusts already."
    )
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--private", type=Path, required=True, help="the file for the private key; a new one"
        )
        parser.add_argument(
            "--print-only",
            action="store_true",
            help="do not trust it here: print the public key for FIRMWARE_PUBLIC_KEYS of another machine",
        )

    def handle(self, *, private: Path, print_only: bool, **options) -> None:
        try:
            public = make_key(private)
        except FileExistsError:
            raise CommandError(f"{private} is there already, and a key is never overwritten.") from None
        except OSError as error:
            raise CommandError(f"{private} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"private key (keep it): {private}")
        if not print_only:
            folder = keys_folder()
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / f"{fingerprint(public)}.pub"
            place.write_text(public + "\n")
            place.chmod(0o644)
            self.stdout.write(f"public key, trusted here: {place}")
        self.stdout.write(f"FIRMWARE_PUBLIC_KEYS={public}")
