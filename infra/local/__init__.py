"""The resource provider that makes a laptop an environment: processes under supervisord, and files."""
