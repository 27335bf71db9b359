"""Groups and the batch engine. Empty until its issue is built."""
