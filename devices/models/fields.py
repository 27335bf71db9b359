from django.db import models
from django.db.models.lookups import IContains


class ExactCharField(models.CharField):
    """Text that is equal only to itself. MariaDB would take capitals, accents and a space at the end for the same."""

    def db_parameters(self, connection):
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            mariadb = connection.mysql_is_mariadb
            parameters["collation"] = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return parameters


@ExactCharField.register_lookup
class FoundInAnyCase(IContains):
    """Searching stays as generous as it is in other columns."""

    def process_lhs(self, compiler, connection, lhs=None):
        sql, parameters = super().process_lhs(compiler, connection, lhs)
        return (f"{sql} COLLATE utf8mb4_unicode_ci" if connection.vendor == "mysql" else sql), parameters
