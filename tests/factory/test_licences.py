"""Licences of what we run on: the page is what is installed, and nothing binds who passes a server on."""

import re

from tests.licences import BEGIN, END, PAGE, licence_of, packages, table

STRONG = re.compile(
    r"\bA?GPL|GNU (Affero )?General Public|SSPL|BUSL|Commons-Clause|Proprietary|unknown", re.IGNORECASE
)


def test_the_page_is_what_is_installed():
    text = PAGE.read_text()

    assert text.partition(BEGIN)[2].partition(END)[0] == table(), "python -m tests.licences writes it"


def test_no_strong_copyleft_and_nothing_unknown_is_needed_to_run():
    licences = {package: licence_of(package) for package in packages("requirements.txt")}

    assert None not in licences.values()
    assert {package: found for package, found in licences.items() if STRONG.search(found)} == {}


def test_the_one_exception_is_the_driver_that_a_plant_installs_itself():
    assert packages("requirements-mysql.txt") == ["mysqlclient"]
    assert licence_of("mysqlclient") in (None, "GPL-2.0-or-later")
