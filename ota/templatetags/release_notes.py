from django import template

from ota.markdown import rendered

register = template.Library()

register.filter("release_notes", rendered)
