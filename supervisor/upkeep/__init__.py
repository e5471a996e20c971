"""The service looks after itself: hung handlers, repeated errors, beats, systemd."""
