"""Every event of the service's log, described once: name, level, fields, sentence, and when it is written.

    table.EVENTS ──level_of──▶ the log and the activity feed       sentences ──▶ `why`
              ├───faults_in──▶ the tests: an unknown event, or a fact that its event does not have
              └───python -m actors.events──▶ docs/events.md

An emitter names the event and gives its facts. The level follows from both.
"""
