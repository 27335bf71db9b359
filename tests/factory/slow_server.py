"""Servers that offer `slow` and nothing else.

`tests.factory.slow_server:application` is for granian; `python -m tests.factory.slow_server` is `manage.py serve`.
"""

from factory import wsgi  # noqa: I001 -- loads the apps; what follows needs them

from django.core.management import call_command

from tests.factory.slow import registry

wsgi.gateway.registry = registry
application = wsgi.application

if __name__ == "__main__":
    call_command("serve")
