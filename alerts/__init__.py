"""Thresholds, the judge, alerts and the messages they send."""
