"""What an environment needs beside its endpoint: storage, registry, identities; on a laptop, folders."""
