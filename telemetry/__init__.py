"""Readings: the door, the group commit, the queries, and `readings.*`."""
