"""From the bytes of a file to WorkerSpecs, with the line of every problem.

    file ──load──▶ tables ──tables, forms, rules──▶ WorkerSpec, SupervisorSettings
                      └──problems, places──▶ ConfigError: file:line: worker: what, and the nearest right key

`actors.values.spec` and `settings` describe the keys; `scripts/config_reference.py` makes docs/config.md from them.
"""
