"""The REST API: one module a resource; a version is a table of differences."""
