"""Answers as bytes: packed once, 304 and gzip where they fit, problems as problem+json."""
