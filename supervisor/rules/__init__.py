"""Matches the patterns of rules, and runs their commands, while nothing else waits for it.

logs ──inotify──▶ Judge, one thread ──trail (new bytes) ──patterns (one pass)──▶ LinesMatched ──▶ Worker
Worker ──show(screen)──▶ ┘      └──positions (where it is, for the next service)
Worker ──run(command)──▶ commands, a bounded crew ──CommandEnded──▶ Worker
"""
