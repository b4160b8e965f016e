"""OpenVINO computes the model that was published: its 4-bit weights are not rounded on the way."""

import numpy as np
import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.engines.openvino_pipeline import Pipeline
from promptlathe.messages import Message
from promptlathe.models.reference import Model

pytestmark = pytest.mark.model

# From a forward pass in NumPy (float32) over the published Q4_1 weights, dequantised by the `gguf` package. OpenVINO's
# own reading of them says token 2068 first, by -1.17.
QUESTION, FIRST_TOKEN, LOG_PROBABILITY = "Which is larger, 13.11 or 13.8?", 33, -1.037


def test_the_next_token_is_as_likely_as_the_published_weights_say(embedded_model: Model) -> None:
    pipeline = Pipeline(embedded_model, window=2, kv_cache_gb=1)
    config = pipeline.config(Sampling(max_tokens=1))
    config.logprobs = 1
    token_ids = pipeline.encode(pipeline.prompt([Message("user", QUESTION)]))
    handle = pipeline.add(np.asarray(token_ids), config)
    while not handle.can_read():
        pipeline.step()
    (output,) = handle.read().values()
    assert output.generated_ids == [FIRST_TOKEN]
    assert output.generated_log_probs[0] == pytest.approx(LOG_PROBABILITY, abs=0.1)
