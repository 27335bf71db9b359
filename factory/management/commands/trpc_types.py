from django.core.management.base import BaseCommand

from factory.papers import typescript_text
from factory.urls import registry


class Command(BaseCommand):
    help = "Print the TypeScript types of the procedures, as /api/trpc-types.d.ts has them."

    def handle(self, *args, **options):
        self.stdout.write(typescript_text(registry), ending="")
