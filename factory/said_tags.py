"""Codes and kept sentences in the reader's language, in every template."""

from django import template

from factory import said

register = template.Library()
register.filter("said", said.said)
register.filter("retold", said.retold)
