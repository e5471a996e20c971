"""One worker's whole life as a state machine: `step(worker, fact, now) → (worker, effects)`; no clock, no I/O.

         ┌───────────────┐ admitted ┌──────────┐  ready  ┌─────────┐
    ●───▶│    pending    ├─────────▶│ starting ├────────▶│ running │
         └──▲─────────▲──┘          └─▲──┬──┬──┘         └──┬───┬──┘
     start  │         │ tmux died     │  │  │ ended         │   │ told to stop
            │         └───────────────┼──┼──┼───────────────┤   ▼
    ┌───────┴─────────┐    the pause  │  │  │   judged      │ ┌──────────┐ tree gone
    │ stopped         │      is over ┌┴──▼──┴──┐◀───────────┘ │ stopping ├──────────▶ what was asked
    │ completed       │◀─────────────┤ backoff │              └──────────┘
    │ failed          │              └─────────┘
    └─────────────────┘    any ──▶ quarantined, removed

Rules that hold everywhere:

- Only the kernel and tmux say that a process has ended. `ProcessEnded` is a question; the verdict is the pane's exit.
- A fact about another life changes nothing.
- A life ignores sweeps taken before the last answer about it. Absence never counts while an order is in flight.
- A new life starts only when nothing is left of the old one (`ending`).
- `TRANSITIONS` is the table of states. A step outside it raises `IllegalTransition` and changes nothing.

    machine ─▶ orders, sightings ─▶ background, starting, watching ─▶ readiness, aftermath
            ─▶ ending ─▶ moves, outcomes, typed_input ─▶ (typing_queue, hands, prompting ─▶ input_line)

Each module has clauses: functions from the worker, a fact and now to a `Step`. A module calls only those to its right.
The parts (budget, stall, limits, tally, stop_plan, typing_queue, hands, prompting, input_line, screen) decide without a
worker. `adoption` makes the worker of a starting service.
"""
