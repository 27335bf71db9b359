from django.urls import path

from factory.accounts import letters_pages, pages

urlpatterns = [
    path("sign-in", pages.sign_in, name="sign-in"),
    path("sign-out", pages.sign_out, name="sign-out"),
    path("forgotten-password", letters_pages.forgotten_password, name="forgotten-password"),
    path("reset-password", letters_pages.reset_password, name="reset-password"),
    path("invitation", letters_pages.accept_invitation, name="accept-invitation"),
]
