"""System checks for what the environment may get wrong, each with a hint."""

from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.checks import Warning as CheckWarning


@register(Tags.security)
def secret_key_is_long_enough(app_configs, **kwargs):
    if len(settings.SECRET_KEY) >= 32:
        return []
    return [
        Error(
            "SECRET_KEY is shorter than 32 characters.",
            hint="It signs the sessions of people. Leave it out and a good one is made in the data folder.",
            id="factory.E001",
        )
    ]


@register(Tags.security, deploy=True)
def public_url_is_https(app_configs, **kwargs):
    if settings.SECURE:
        return []
    return [
        CheckWarning(
            "PUBLIC_URL is not https: sign-ins and device tokens travel in the clear.",
            hint="Put a TLS proxy in front and set PUBLIC_URL=https://...",
            id="factory.W001",
        )
    ]


@register()
def versions_keep_their_promises(app_configs, **kwargs):
    """Nothing that clients rely on goes away unannounced, and the version before the newest stays served."""
    from factory.trpc.versions import broken_promises  # noqa: PLC0415 -- with all rooms behind it
    from factory.urls import versions  # noqa: PLC0415 -- as above

    return [
        Error(broken, hint="Serve it, or deprecate it first: docs/integrators.md.", id="factory.E002")
        for broken in broken_promises(versions)
    ]
