"""How machines do: states, shifts, stops and the figures of ISO 22400-2. Pure; times are ms since the epoch."""
