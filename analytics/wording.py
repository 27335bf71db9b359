"""What is kept of reports in English, for those who read another language."""

from django.utils.translation import gettext_noop

from factory.said import keep_sentences

keep_sentences(
    gettext_noop("Something broke on our side: %(error)s."),
    gettext_noop("The report could not be made."),
    gettext_noop("It was begun five times and never finished."),
    gettext_noop("This file of the report is not there any more."),
)
