"""The gateway alone, on a port, with procedures to test clients on. See `python -m tests.conformance`."""
