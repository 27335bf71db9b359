"""No change of a shape goes by unsaid: docs/contract-changes.md tells of each, and nothing is broken by any.

`python -m tests.factory.contract_shapes` keeps the shapes as they are now, under the newest edition there.
"""

from datetime import date

from factory.trpc.versions import breaks, contract_of
from factory.urls import registry
from tests.factory.contract_shapes import editions_told, kept, plain


def test_the_shapes_that_are_kept_are_those_of_the_procedures():
    now = plain(contract_of(registry))

    assert kept()["components"] == now["components"], (
        "tell of it, then: python -m tests.factory.contract_shapes"
    )
    assert {path: told["shape"] for path, told in kept()["procedures"].items() if told["shape"]} == now[
        "procedures"
    ]


def test_nothing_that_clients_rely_on_has_gone_unannounced():
    before = {path: told["shape"] for path, told in kept()["procedures"].items() if told["shape"]}

    assert (
        breaks(
            {"procedures": before, "components": kept()["components"]},
            plain(contract_of(registry)),
            today=date.today(),
        )
        == []
    )


def test_every_procedure_that_changed_is_named_where_its_edition_is_told_of():
    editions = editions_told()

    untold = [
        path
        for path, told in kept()["procedures"].items()
        if told["edition"] > 1 and f"`{path}`" not in editions[told["edition"]]
    ]
    assert untold == []
    assert sorted(editions) == list(range(1, max(editions) + 1))
    assert max(told["edition"] for told in kept()["procedures"].values()) <= max(editions)
