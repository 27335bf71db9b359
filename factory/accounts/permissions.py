"""The roles of docs/contract.md as permissions: each rank may do what the ranks below it may."""

from factory.accounts.models import User
from factory.trpc.call import Identity
from factory.trpc.permissions import ANYONE, Permission


def _at_least(role: User.Role) -> Permission:
    def allows(identity: Identity) -> bool:
        return isinstance(identity.principal, User) and identity.principal.has_rank_of(role)

    return Permission(role.value, allows)


VIEWER = _at_least(User.Role.USER)
OPERATOR = _at_least(User.Role.OPERATOR)
TECHNICIAN = _at_least(User.Role.TECHNICIAN)
ADMIN = _at_least(User.Role.ADMIN)

__all__ = ["ADMIN", "ANYONE", "OPERATOR", "TECHNICIAN", "VIEWER"]
