"""HTTP, all of it: pages, API and admin run through WSGI threads (see docs/decisions/0001)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "factory.settings")
application = get_wsgi_application()
