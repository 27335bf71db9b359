"""Styles, scripts and pictures as `manage.py collectstatic` lays them out for a web server in front."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage


def _but_source_maps(rules: tuple[object, ...]) -> tuple[object, ...]:
    """Without looking for the source maps that vendored files name: those are not delivered with them."""
    return tuple(rule for rule in rules if "sourceMappingURL" not in str(rule))


class CollectedFiles(CompressedManifestStaticFilesStorage):
    """Each under a name with the hash of its content, in which our modules import each other too."""

    support_js_module_import_aggregation = True
    patterns = tuple((kind, _but_source_maps(rules)) for kind, rules in HashedFilesMixin.patterns)
    # A file of the admin that is not in the manifest is served under its plain name, rather than a page failing.
    manifest_strict = False
