"""How do `uv`, the packages and the engine get onto a machine that has none of them? Standard library only."""
