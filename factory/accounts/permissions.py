"""The roles of docs/contract.md as permissions: each rank may do what the ranks below it may."""

from factory.accounts.models import User
from factory.trpc.call import Identity
from factory.trpc.permissions import ANYONE, Permission


def _at_least(role: User.Role, *, in_person: bool = False, also_held_back: bool = False) -> Permission:
    def allows(identity: Identity) -> bool:
        if identity.held_back is not None and not also_held_back:
            return False
        if in_person and identity.scope is not None:
            return False
        return isinstance(identity.principal, User) and identity.principal.has_rank_of(role)

    return Permission(role.value, allows)


# One's own account is for the person who has signed in, never for an API token of theirs.
IN_PERSON = _at_least(User.Role.USER, in_person=True)
# What sets up a second factor that one must have.
OWN_ACCOUNT = _at_least(User.Role.USER, in_person=True, also_held_back=True)
VIEWER = _at_least(User.Role.USER)
OPERATOR = _at_least(User.Role.OPERATOR)
TECHNICIAN = _at_least(User.Role.TECHNICIAN)
ADMIN = _at_least(User.Role.ADMIN)

__all__ = ["ADMIN", "ANYONE", "IN_PERSON", "OPERATOR", "OWN_ACCOUNT", "TECHNICIAN", "VIEWER"]
