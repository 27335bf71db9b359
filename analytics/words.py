"""Words that code keeps in English, because the API says them too, and pages say in the language that is spoken."""

from django.utils.translation import gettext, gettext_noop

# What models call their choices, as `get_…_display` says it, and what pages keep in tables of their own.
WORDS = (
    # severities, states and kinds of alerts
    gettext_noop("Open"),
    gettext_noop("Unseen"),
    # commands, updates and groups
    gettext_noop("Update the firmware"),
    gettext_noop("Send a command"),
    gettext_noop("Set the status"),
    gettext_noop("Configure"),
    # metrics
    gettext_noop("Parts"),
    # columns, tabs and times
    gettext_noop("Live"),
    gettext_noop("Configuration"),
    gettext_noop("Credentials"),
    gettext_noop("hour"),
    gettext_noop("1 year"),
    gettext_noop("year"),
    # verdicts on the alarm system
    gettext_noop("manageable"),
    gettext_noop("more than is manageable"),
    gettext_noop("too many"),
    gettext_noop("no flood"),
    gettext_noop("a flood"),
    gettext_noop("too often"),
    gettext_noop("a few"),
    gettext_noop("to be mended"),
    gettext_noop("too few alerts to say"),
    gettext_noop("spread"),
    gettext_noop("a few make most of it"),
    gettext_noop("no alerts"),
    gettext_noop("too many critical"),
    gettext_noop("too few low ones"),
    gettext_noop("as it should be"),
    # what goes with a device
    gettext_noop("Configuration versions"),
    gettext_noop("Status changes"),
)


def said(word: str) -> str:
    """A word of ours in the language that is spoken; what somebody has named stays as it is."""
    return gettext(word) if word else ""
