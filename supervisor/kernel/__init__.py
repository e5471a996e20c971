"""Processes, sockets, files and limits, as the kernel reports them.

proc_table ──▶ usage (what trees use) ──▶ Ticker          limits ──▶ shortage ──▶ degraded
    └──▶ endings (whose tree) ──▶ trees (signals) ◀── pidfds (ends, at once)
"""
