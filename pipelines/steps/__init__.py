"""The steps of the lifecycle, each a function and a command."""
