from django.urls import path

from factory.accounts import letters_pages, pages, second_factor_pages

urlpatterns = [
    path("sign-in", pages.sign_in, name="sign-in"),
    path("sign-in/code", second_factor_pages.sign_in_code, name="sign-in-code"),
    path("second-factor", second_factor_pages.second_factor, name="second-factor"),
    path("second-factor/begin", second_factor_pages.begin, name="begin-second-factor"),
    path("second-factor/confirm", second_factor_pages.confirm, name="confirm-second-factor"),
    path("second-factor/recovery-codes", second_factor_pages.renew, name="renew-recovery-codes"),
    path("second-factor/off", second_factor_pages.turn_off, name="disable-second-factor"),
    path("sign-out", pages.sign_out, name="sign-out"),
    path("forgotten-password", letters_pages.forgotten_password, name="forgotten-password"),
    path("reset-password", letters_pages.reset_password, name="reset-password"),
    path("invitation", letters_pages.accept_invitation, name="accept-invitation"),
]
