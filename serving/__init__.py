"""The model server, and the two formats that it shares with pipelines: release and prediction log."""
