"""What is told and kept: frozen values without behaviour.

facts       what a Worker is told           effects     what its step wants done
bulletins   what other actors tell          requests    what the edge asks of the Supervisor, and the answers
spec, keys, gates                           what a worker is to be, and what holds it
records                                     what is remembered: intents, lives, deaths
snapshot, totals                            the one picture, and the activity
"""
