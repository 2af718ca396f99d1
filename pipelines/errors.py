"""What can go wrong, and which exit code says so? `cli.main` is the only place that exits."""


class MlopsError(Exception):
    """Base of all errors with a message for a person: what happened, why, and what to do."""

    exit_code = 1


class InvalidInput(MlopsError):
    """Something from outside is not as its contract says: data, declaration, model folder, argument."""

    exit_code = 3


class GateFailed(MlopsError):
    """A gate refused a release."""

    exit_code = 4


class Insufficient(MlopsError):
    """There is not enough evidence to decide."""

    exit_code = 5


class IntegrityError(MlopsError):
    """Bytes, a chain or an attestation do not match what they claim to be."""

    exit_code = 6


class NotReady(MlopsError):
    """A precondition is missing: a release, a deployment, a Git identity, a clean file."""

    exit_code = 7


class ToolFailed(MlopsError):
    """A program that we call (git, pulumi, envoy) failed."""

    exit_code = 8
