from tests.roles.__main__ import PAGE
from tests.roles.document import document


def test_the_page_says_what_the_table_says():
    assert PAGE.read_text() == document(), "Write it anew: python -m tests.roles"
