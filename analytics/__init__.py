"""The screens and procedures that join several rooms: overview and device page."""
