"""Pictures of every page, to be looked at: `python -m tests.pictures FOLDER`. docs/pages.md says more."""
