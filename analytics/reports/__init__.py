"""Reports: what they say (`document`), each kind of them, and how they look as a page, on paper and as a table."""
