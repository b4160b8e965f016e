"""The real embedded model, loaded once."""

import pytest

from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.models.reference import Model


@pytest.fixture(scope="session")
def engine(embedded_model: Model) -> OpenVinoEngine:
    return OpenVinoEngine(embedded_model)
