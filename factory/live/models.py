from django.db import models


class Lease(models.Model):
    """Who does a job that only one process may do at a time, and until when nobody else may begin.

    In the database and not in Redis, because what needs it cannot work without the database anyway.
    """

    name = models.CharField(max_length=64, primary_key=True)
    holder = models.CharField(max_length=64)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} held by {self.holder}"
