from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from devices.models import Device
from ota.manifests import BadManifest, Manifest, read_manifest
from ota.queries.firmware import last_sequence
from ota.shelf import measured
from ota.signing import BadKey, load_private_key, sign


class Command(BaseCommand):
    help = "Write FILE.manifest.json and FILE.sig: what firmware.create takes as `manifest` and `signature`."
    requires_system_checks = []

    def create_parser(self, prog_name, subcommand, **options):
        # Django's own --version tells Django's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **options)

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--version", required=True, help="semantic: 2.10.0")
        parser.add_argument("--device-type", required=True, choices=Device.Type.values)
        parser.add_argument(
            "--key", type=Path, required=True, help="the private key, as firmware_keys wrote it"
        )
        parser.add_argument(
            "--hardware", default="", help="the boards it runs on, separated by commas; none: all"
        )
        parser.add_argument(
            "--sequence",
            type=int,
            help="above that of every version before; without it the plant's database is asked",
        )
        parser.add_argument("--expires", type=_moment, help="2027-01-31 or 2027-01-31T12:00:00Z (UTC)")

    def handle(self, *, file: Path, key: Path, device_type: str, **options) -> None:
        try:
            with file.open("rb") as opened:
                size, checksum = measured(opened)
            private = load_private_key(key)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        except BadKey as error:
            raise CommandError(str(error)) from None
        hardware = tuple(name.strip() for name in options["hardware"].split(",") if name.strip())
        sequence = options["sequence"]
        manifest = Manifest(
            version=options["version"],
            device_type=device_type,
            hardware=hardware,
            size=size,
            sha256=checksum,
            sequence=_next_sequence(device_type) if sequence is None else sequence,
            expires=options["expires"],
        ).text()
        try:
            read_manifest(manifest)
        except BadManifest as error:
            raise CommandError(str(error)) from None
        written = {".manifest.json": manifest, ".sig": sign(private, manifest)}
        for suffix, text in written.items():
            place = file.with_name(file.name + suffix)
            place.write_text(text)
            self.stdout.write(str(place))


def _next_sequence(device_type: str) -> int:
    try:
        return last_sequence(device_type) + 1
    except DatabaseError:
        raise CommandError(
            "The plant's database cannot be asked for the next number: give --sequence."
        ) from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
