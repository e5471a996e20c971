"""A worker's whole life as a state machine: `step(worker, fact, now) → (worker, effects)`; no clock, no I/O.

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
- A fact that names another life than the present one changes nothing.
- A sweep that was taken before the last answer about this life tells nothing about it, and absence never counts while
  an order is in flight.
- No new life begins before nothing is left of the old one (`ending`).
- `TRANSITIONS` is the table of the design. A step outside it raises `IllegalTransition` and changes nothing.

    machine ─▶ orders, sightings ─▶ starting, watching ─▶ readiness, aftermath ─▶ ending ─▶ moves, outcomes, typed_input

Each module has clauses: functions from the worker, the fact that they are named after, and now, to a `Step`. It calls
those to its right only; the modules that decide without a worker (budget, stall, stop_plan …) stand beside the package.
"""

from actors.life.machine import due, step

__all__ = ["due", "step"]
