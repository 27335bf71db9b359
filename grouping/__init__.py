"""Groups of devices, inside each other. The batch engine comes with its issue."""
