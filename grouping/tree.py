"""Which group is inside which, as numbers: no ORM."""

from collections import defaultdict
from collections.abc import Mapping

from django.utils.translation import gettext

DEEPEST = 8  # groups inside each other, the outermost counted


class Tree:
    """All groups by what each is inside of."""

    def __init__(self, parents: Mapping[int, int | None]) -> None:
        self._parents = parents
        self._children: defaultdict[int | None, list[int]] = defaultdict(list)
        for group_id, parent_id in parents.items():
            self._children[parent_id].append(group_id)

    def __contains__(self, group_id: int) -> bool:
        return group_id in self._parents

    def chain(self, group_id: int) -> list[int]:
        """The group and all that it is inside of, from within."""
        chain: list[int] = []
        here: int | None = group_id
        # A circle cannot be made by our services. Readings are judged by this: one made by hand ends here too.
        while here is not None and here not in chain:
            chain.append(here)
            here = self._parents[here]
        return chain

    def within(self, group_id: int) -> list[int]:
        """The group and all that is inside it, from outside."""
        return [inner for level in self._levels(group_id) for inner in level]

    def why_not_inside(self, group_id: int | None, parent_id: int) -> str | None:
        """What speaks against putting a group (None: a new one) into another; None when nothing does."""
        chain = self.chain(parent_id)
        if group_id in chain:
            return gettext("a group cannot be inside itself")
        levels = 1 if group_id is None else len(self._levels(group_id))
        if len(chain) + levels > DEEPEST:
            return gettext("groups nest at most %(most)s deep") % {"most": DEEPEST}
        return None

    def _levels(self, group_id: int) -> list[list[int]]:
        levels, seen = [[group_id]], {group_id}
        while below := [
            child for outer in levels[-1] for child in self._children[outer] if child not in seen
        ]:
            levels.append(below)
            seen.update(below)
        return levels
