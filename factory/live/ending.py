"""Until when somebody may listen: the end of a credential ends what was opened with it, at once or soon."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from django.conf import settings

from factory.errors import DomainError
from factory.live.broadcast import credential_group
from factory.live.inbox import Inbox

logger = logging.getLogger(__name__)
Somebody = TypeVar("Somebody")


async def watch(
    somebody: Somebody, *, credential: str, again: Callable[[], Awaitable[Somebody]]
) -> AsyncIterator[Somebody]:
    """Says at every heartbeat who it is now (the same, perhaps in another role), and ends with the credential.

    `again()` asks anew; an end that nobody told us of is noticed that way.
    """
    async with Inbox() as inbox:
        await inbox.join(credential_group(credential))
        while True:
            try:
                found = await again()
            except DomainError:
                return  # nobody is behind it any more, and too many at its address ask in vain
            except Exception:
                logger.exception("live.heartbeat_failed")
            else:
                if found != somebody:
                    return
                yield found
            if await inbox.next(timeout=settings.WS_TIMEOUT / 2) is not None:
                return  # only one thing is said there
