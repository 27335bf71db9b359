"""What is kept of batch operations in English, for those who read another language."""

from django.utils.translation import gettext_noop

from factory.said import keep_sentences

keep_sentences(
    gettext_noop("another configuration was wished for meanwhile"),
    gettext_noop("the device gave no reason"),
    gettext_noop("expired before it was done"),
    gettext_noop("no report in time"),
    gettext_noop("the configuration would become too large"),
    gettext_noop("something broke on our side: %(error)s"),
)
