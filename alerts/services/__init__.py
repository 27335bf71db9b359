"""Every write of the alerts room, one module per noun."""
