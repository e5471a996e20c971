"""Asks workers whether they are ready and well, while nothing else waits for it.

Worker ──Probe──▶ pool (one asyncio loop) ──▶ kinds: tcp, unix, http, command, log, screen ──answers──▶ Worker
                                          └──▶ threads: files and matching, which may block
"""
