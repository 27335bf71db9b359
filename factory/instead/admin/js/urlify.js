// Nothing in our admin needs this library's file; see docs/admin.md.
