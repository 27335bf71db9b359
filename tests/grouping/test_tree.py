"""How groups nest, held against brute force."""

from hypothesis import given
from hypothesis import strategies as st

from grouping.tree import DEEPEST, Tree

GROUPS = st.integers(1, 12)


def depth_of(parents, group):
    """How many groups deep it stands; None where it never comes out."""
    for depth in range(1, len(parents) + 1):
        group = parents[group]
        if group is None:
            return depth
    return None


def is_legal(parents):
    depths = [depth_of(parents, group) for group in parents]
    return None not in depths and max(depths) <= DEEPEST


@given(st.lists(st.tuples(GROUPS, GROUPS), max_size=40))
def test_a_move_is_refused_exactly_when_it_would_make_a_circle_or_a_ninth_level(moves):
    parents = dict.fromkeys(range(1, 13))
    for group, parent in moves:
        moved = {**parents, group: parent}
        refused = Tree({**parents, group: None}).why_not_inside(group, parent)
        assert (refused is None) is is_legal(moved)
        if refused is None:
            parents = moved
    tree = Tree(parents)
    for group in parents:
        assert len(tree.chain(group)) == depth_of(parents, group)
        assert set(tree.within(group)) == {other for other in parents if group in tree.chain(other)}


def chain_of(groups):
    return {number: number - 1 or None for number in range(1, groups + 1)}


def test_a_new_group_may_be_the_eighth_level_and_not_the_ninth():
    assert Tree(chain_of(7)).why_not_inside(None, 7) is None
    assert Tree(chain_of(8)).why_not_inside(None, 8) == "groups nest at most 8 deep"


def test_a_circle_made_by_hand_ends_nobodys_reading():
    tree = Tree({1: 2, 2: 1, 3: 1})

    assert tree.chain(3) == [3, 1, 2]
    assert sorted(tree.within(2)) == [1, 2, 3]
