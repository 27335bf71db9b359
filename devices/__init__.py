"""Device, its credentials, its presence, and `devices.*`."""
