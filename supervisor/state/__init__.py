"""Every file in the state directory, and where it is.

config file ──paths──▶ place (all names) ──▶ lock · records · deaths · status · the log
log_queue (backlog) ──▶ journal (entries) ──▶ service.log ──▶ tail, replay      journal ──▶ console
"""
