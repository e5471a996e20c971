"""Frames, errors, what a request selects, and one client. Light to import."""
