"""Pure decisions over evidence: data in, verdict out, no IO."""
