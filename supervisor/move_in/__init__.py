"""Moving in: a panevisor.toml made from another tool's file, or from what lies in a folder.

    file ──documents──▶ sections with lines ──one importer a format──▶ Draft ──settle──▶ a valid Draft ──writer──▶ TOML
                                                                         └──▶ notes: what has no counterpart here

An importer only reads. It runs nothing of the file and expands no variable of this user's environment into it.
`settle` holds each draft to the model: what `check` would refuse becomes a note. Text of the file reaches the TOML only
through `writer`, which escapes it.
"""
