"""What is kept of updates in English, for those who read another language."""

from django.utils.translation import gettext_noop

from factory.said import keep_sentences

keep_sentences(
    # what an alert says
    gettext_noop("The update to %(version)s failed: %(why)s"),
    gettext_noop("The update to %(version)s was rolled back: %(why)s"),
    # how a deployment went
    gettext_noop("It runs %(version)s already."),
    gettext_noop("It runs %(version)s."),
    gettext_noop("Back to %(version)s."),
    gettext_noop("The device runs %(running)s instead of %(version)s."),
    gettext_noop("The device did not begin in time."),
    gettext_noop("The download stood still at %(percent)s %%."),
    gettext_noop(
        "The device began to install and has not said since that it is done. It runs %(version)s, as far as is "
        "known."
    ),
    gettext_noop("The device began to install and has not said since that it is done."),
    gettext_noop("The device says that it is done; which version it runs is not known yet."),
    gettext_noop("The device says that it failed."),
    gettext_noop("The device says that it went back to the version before."),
    gettext_noop("The device was deleted."),
    gettext_noop("Its update is not known any more."),
    gettext_noop("The update was cancelled."),
    gettext_noop("The device said nothing of a reason."),
    gettext_noop("The rollout was cancelled."),
    gettext_noop("The version was withdrawn: %(reason)s"),
    gettext_noop("The version was withdrawn."),
    # why a device was left out
    gettext_noop("Version %(version)s was withdrawn."),
    gettext_noop("Version %(version)s has no file."),
    gettext_noop("Version %(version)s is not signed."),
    gettext_noop("The signature of version %(version)s has expired."),
    gettext_noop("Version %(version)s is for %(kind)ss."),
    gettext_noop("The device is out of service."),
    gettext_noop("It is for the hardware %(names)s, and the device's metadata does not say its own."),
    gettext_noop("It is for the hardware %(names)s, not %(known)s."),
    # why a rollout stopped
    gettext_noop(
        "Wave %(wave)s: %(part)s of %(whole)s devices (%(share)s) have had alerts since their update, "
        "%(allowed)s %% are allowed."
    ),
    gettext_noop(
        "Wave %(wave)s: %(part)s of %(whole)s device (%(share)s) have had alerts since their update, "
        "%(allowed)s %% are allowed."
    ),
    gettext_noop(
        "Wave %(wave)s: %(part)s of %(whole)s devices (%(share)s) failed, %(allowed)s %% are allowed."
    ),
    gettext_noop(
        "Wave %(wave)s: %(part)s of %(whole)s device (%(share)s) failed, %(allowed)s %% are allowed."
    ),
    gettext_noop(
        "Wave %(wave)s: no more than %(part)s of %(whole)s devices (%(share)s) can succeed, %(asked)s %% are "
        "asked for."
    ),
    gettext_noop(
        "Wave %(wave)s: no more than %(part)s of %(whole)s device (%(share)s) can succeed, %(asked)s %% are "
        "asked for."
    ),
)
