"""Offers of new versions on their way to devices over MQTT."""

import orjson
from django.utils import timezone

from devices.courier import AT_ONCE, Courier
from ota.services.offering import take_due_offers

OFFERS = "ota"


class OfferCourier(Courier):
    """Takes offers that are due from the database to the desk, as the commands' courier does with its own."""

    def _push(self) -> bool:
        offers = take_due_offers(at=timezone.now(), limit=AT_ONCE)
        if offers:
            sayings = [(offer.external_id, OFFERS, orjson.dumps(offer.payload()), False) for offer in offers]
            self._commands.append(self._hand_over(sayings))
        return len(offers) == AT_ONCE

    def _announce(self) -> None:
        """Nothing else goes this way."""
