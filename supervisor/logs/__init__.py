"""What workers printed: segments of a log, how much is kept, and how it is read.

pane ──pipe-pane──▶ split ──▶ segments (names) ──▶ quota, a beat ──▶ segments: links, limits
                                  │
          lives: where each life is in them ──▶ reading: lines for people ──▶ of_life: death records, probes
"""
