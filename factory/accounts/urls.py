from django.urls import path

from factory.accounts import pages

urlpatterns = [
    path("sign-in", pages.sign_in, name="sign-in"),
    path("sign-out", pages.sign_out, name="sign-out"),
]
