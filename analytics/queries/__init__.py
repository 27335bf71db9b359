"""What the screens show, composed from the rooms below; the number of queries does not grow with the plant."""
