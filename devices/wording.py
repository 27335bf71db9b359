"""What is kept of devices in English, for those who read another language."""

from django.utils.translation import gettext_noop

from factory.said import keep_sentences

keep_sentences(
    # how a configuration differs
    gettext_noop("%(path)s is not reported, wanted %(wanted)s (and %(count)s or more)"),
    gettext_noop("%(path)s is not reported, wanted %(wanted)s (and %(count)s more)"),
    gettext_noop("%(path)s is not reported, wanted %(wanted)s"),
    gettext_noop("%(path)s is %(reported)s, wanted %(wanted)s (and %(count)s or more)"),
    gettext_noop("%(path)s is %(reported)s, wanted %(wanted)s (and %(count)s more)"),
    gettext_noop("%(path)s is %(reported)s, wanted %(wanted)s"),
    # why a command ended
    gettext_noop("the device did not come in time"),
    gettext_noop("no acknowledgement in time"),
    gettext_noop("no result in time"),
    gettext_noop("the device was deleted"),
    gettext_noop("out of service"),
    gettext_noop("withdrawn"),
)
