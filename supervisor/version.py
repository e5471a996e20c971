"""The version: setup.cfg reads it here, so that no command has to look through the metadata of all packages."""

VERSION = "0.1.0"
