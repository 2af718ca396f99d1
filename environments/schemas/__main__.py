"""Writes the schemas again; `make schemas` runs it."""

from environments.schemas import texts

for file, text in texts().items():
    file.write_text(text)
