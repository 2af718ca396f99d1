"""Which releases are served to the tests of the model server?"""

import pytest

from tests.serving import releases
from tests.serving.served import Served, serve


@pytest.fixture
def binary(tmp_path) -> Served:
    return serve(releases.binary, tmp_path / "release")


@pytest.fixture
def regression(tmp_path) -> Served:
    return serve(releases.regression, tmp_path / "release")


@pytest.fixture
def multiclass(tmp_path) -> Served:
    return serve(releases.multiclass, tmp_path / "release")


@pytest.fixture
def fragile(tmp_path) -> Served:
    return serve(releases.fragile, tmp_path / "release")
