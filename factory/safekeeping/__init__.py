"""Backups: everything a plant cannot make again, in one file, and back (docs/recovery.md)."""
