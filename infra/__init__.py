"""Pulumi programs and what they share; `infra` imports `environments`, never `pipelines`."""
