"""Who may ask how often. On whose account a request goes, the front desk says; here it is counted."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from factory.errors import TooMany
from factory.limits.leases import Leases
from factory.limits.rates import Rate
from factory.limits.shared import Counter
from factory.limits.usage import Usage, count
from factory.trpc.call import Identity


@dataclass(frozen=True, slots=True)
class Account:
    """Whose requests are counted together; `rate` None: nobody counts. A batch is one request, or many calls.

    With `nearly` a process counts a few by itself before it asks the others (factory.limits.leases).
    """

    name: str
    rate: Rate | None
    by_call: bool = True
    nearly: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of counting a request: which of its calls may run, and what its answer says about it."""

    usage: Usage
    by_call: bool

    def allows(self, index: int) -> bool:
        return self.usage.fitting > (index if self.by_call else 0)

    def refusal(self) -> TooMany:
        rate = self.usage.rate
        return TooMany(
            f"Too many requests: at most {rate.count} in {rate.seconds} s.",
            retry_after=self.usage.retry_after,
            headers=self.usage.headers(),
        )


class Limits:
    """Counts requests on accounts. While the counter is away nothing is refused and nothing said."""

    def __init__(self, counter: Counter, account_of: Callable[[HttpRequest, Identity], Account]) -> None:
        self._counter = counter
        self._account_of = account_of
        self.leases = Leases(counter)

    def judge(self, request: HttpRequest, identity: Identity, *, calls: int = 1) -> Verdict | None:
        account = self._account_of(request, identity)
        if account.rate is None:
            return None
        amount = calls if account.by_call else 1
        leases = self.leases if account.nearly else None
        usage = count(self._counter, account.name, account.rate, amount=amount, leases=leases)
        return None if usage is None else Verdict(usage, account.by_call)
