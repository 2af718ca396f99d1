"""The lifecycle of a model: one step per file, pure decisions apart, the `mlops` command line."""
