"""What is kept of alerts in English, for those who read another language."""

from django.utils.translation import gettext_noop

from factory.said import keep_sentences

keep_sentences(
    # what an alert says
    gettext_noop("%(label)s %(value)s, not yet back in range"),
    gettext_noop("%(label)s %(value)s, over the limit of %(bound)s"),
    gettext_noop("%(label)s %(value)s, under the limit of %(bound)s"),
    gettext_noop("%(label)s %(value)s, over the warning limit of %(bound)s"),
    gettext_noop("%(label)s %(value)s, under the warning limit of %(bound)s"),
    gettext_noop("%(device)s has been silent since %(time)s"),
    gettext_noop("1 device in %(zone)s went silent"),
    gettext_noop("%(count)s devices in %(zone)s went silent"),
    gettext_noop("Configuration differs: %(why)s"),
    # what became of it
    gettext_noop("Back in range."),
    gettext_noop("Its threshold was taken away."),
    gettext_noop("It began in readings that came late, and is still there."),
    gettext_noop("No longer shelved, and still there."),
    gettext_noop("The planned work is over, and it is still there."),
    gettext_noop("It reports what is desired."),
    gettext_noop("It reports again."),
    gettext_noop("Its status was set to %(state)s by hand."),
    gettext_noop("The device was taken out of service."),
    gettext_noop("One of %(count)s devices in %(zone)s that went silent: alert %(id)s."),
    gettext_noop("None of its devices is silent any more."),
    gettext_noop("Went silent since it was told of: %(names)s."),
    gettext_noop("%(count)s silent now. Joined: %(joined)s. Left: %(left)s."),
    gettext_noop("%(count)s silent now. Joined: %(joined)s."),
    gettext_noop("%(count)s silent now. Left: %(left)s."),
    gettext_noop("%(count)s silent now."),
    # what people did
    gettext_noop("To nobody."),
    gettext_noop("To %(person)s."),
    gettext_noop("This occurrence, for %(minutes)s minutes: %(reason)s"),
    gettext_noop("Everything of the kind, for %(minutes)s minutes: %(reason)s"),
    gettext_noop("Taken off the shelf."),
    gettext_noop("Its kind was taken off the shelf."),
    gettext_noop("By the link sent to %(address)s."),
    # why somebody was not told
    gettext_noop("Its config was deleted."),
    gettext_noop("Its config was switched off."),
    gettext_noop("Its person may not sign in any more."),
    gettext_noop("ALERT_EMAIL is another address now."),
    gettext_noop("The alert is silent now: %(silence)s."),
    gettext_noop("Acknowledged by %(person)s before it was escalated."),
    gettext_noop("Acknowledged before it was escalated."),
    gettext_noop("Resolved by %(person)s before it was escalated."),
    gettext_noop("Resolved before it was escalated."),
    gettext_noop("It was over before it was escalated."),
    gettext_noop("The worker did not come back. It may have gone out all the same."),
    gettext_noop("Given up after 24 hours. %(why)s"),
    # what the other side did
    gettext_noop("The host %(host)s was not found."),
    gettext_noop("The address is no URL."),
    gettext_noop("The address cannot be used any more."),
    gettext_noop("The connection failed: %(error)s"),
    gettext_noop("The connection failed."),
    gettext_noop("The connection broke: %(error)s"),
    gettext_noop("No answer within %(seconds)s seconds."),
    gettext_noop("Given over, but not confirmed: %(error)s"),
)
