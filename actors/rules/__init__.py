"""When a rule fires. Pure: patterns are matched elsewhere, time is given.

    matched lines, a screen, a look at the pane, an exit, a state ──step(book, fact, now)──▶ book, firings
                                                                                   │
          times within ─▶ debounce ─▶ at_most ────────────────────────────────────┘

The worker owns its book, so the counters start at zero with each new actor.
"""
