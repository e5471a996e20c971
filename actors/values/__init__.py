"""What is told and kept: frozen values without behaviour.

facts       what a Worker is told           effects     what its step wants done
bulletins   what other actors tell          requests    what the edge asks of the Supervisor, and the answers
spec, families, gates                       what a worker is to be, and what holds it
records, death, failure                     what is remembered and logged
snapshot, totals, feed                      the one picture, and the activity
"""
