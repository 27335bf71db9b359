"""The roles of docs/contract.md as permissions: each rank may do what the ranks below it may."""

from factory.accounts.models import User
from factory.trpc.call import Identity
from factory.trpc.permissions import ANYONE, Permission


def _at_least(role: User.Role, *, also_held_back: bool = False) -> Permission:
    def allows(identity: Identity) -> bool:
        if identity.held_back is not None and not also_held_back:
            return False
        return isinstance(identity.principal, User) and identity.principal.has_rank_of(role)

    return Permission(role.value, allows)


OWN_ACCOUNT = _at_least(
    User.Role.USER, also_held_back=True
)  # what sets up a second factor that one must have
VIEWER = _at_least(User.Role.USER)
OPERATOR = _at_least(User.Role.OPERATOR)
TECHNICIAN = _at_least(User.Role.TECHNICIAN)
ADMIN = _at_least(User.Role.ADMIN)

__all__ = ["ADMIN", "ANYONE", "OPERATOR", "OWN_ACCOUNT", "TECHNICIAN", "VIEWER"]
