"""The service and its file: bring it up, take it down, show and apply what changed."""
