"""Measurements: figures as ratios inside one run, so that they can be compared between machines."""
