"""A plausible plant to look at: what stands in it, how its machines behave, how recordings are replayed."""
