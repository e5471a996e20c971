"""The actors, what they tell each other, and the pure core that decides. No import of `supervisor`, tmux or sockets.

Ticker ──slices of a sweep──▶ Worker × N ──starts, typing──▶ Terminal ──▶ tmux
  ▲ clock                       │   ▲
  │                             │   └──admitted, orders──  Supervisor (root) ◀──ask── Gateway
  └──alarms─────────────────────┤
                                └──reports──▶ Metrics ──Snapshot──▶ Gateway, status file

(top)     the shells `worker`, `ticker`, `terminal` (with `errands`), `metrics`, `root`; what they share: `base`,
          `loop`, `vital`, `beats`, `frozen`; what they need from the world: `ports`, `errors`
values/   what is told and kept; frozen
life/     one worker: `step(worker, fact, now)`; pure
crowd/    all workers: `step(roster, message, now)`; pure
events/   every event of the log, described once
"""
