"""All workers, as the Supervisor decides about them; pure. `actors/root.py` is the shell.

    message ──▶ roster.step(roster, message, now) ──▶ roster′, effects (carried out in their order)

                 ┌── orders     what a person wants of workers
    roster ──────┼── file       what applying the file changes; `reconcile` compares
    (the table)  ├── substrate  tmux, the machine's memory, failing parts
                 ├── workers    reports of Worker actors, and their failures
                 └── unknown    panes whose worker is not known
                        │
               admission, leaving    which workers may start, which may end
                        │
               turn ── members       a step in progress; the workers, and the indexes that find whom a change touches

`opening` makes the first roster. `effects` are what a step wants done. The cost of a step depends on what changed and
on the workers that depend on it, not on the number of workers. Each module imports only from those below it.
"""
