"""All workers, as the Supervisor decides about them; pure. `actors/root.py` is the shell.

    message ──▶ roster.step(roster, message, now) ──▶ roster′, effects (carried out in their order)

                 ┌── orders     what a person wants of workers
    roster ──────┼── file       what applying the file changes
    (the table)  ├── substrate  tmux, the machine's memory
                 ├── failures   Worker actors that fail
                 └── ending     the end of the service
                        │
               admission, leaving    who may start, who may end
                        │
                     members         the workers, and the indexes by which a change finds whom it touches

A step costs what has changed and who depends on it, not the number of workers. Each module imports only from those
below it.
"""
