"""Tells people what needs them: one message for each incident, and one for its end.

Metrics ──Snapshot, activity──▶ Notices (a thread, only where the file has receivers)
                                   │ incidents: what a picture shows that somebody may want to hear of
                                   │ plan: when each receiver is told, pure
                                   ▼
                                deliver: a short-lived child, which may fail, hang and be tried again
"""
