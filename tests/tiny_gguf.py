"""A GGUF file of a few kilobytes with random weights, of an architecture that OpenVINO does not read."""

from pathlib import Path

import gguf
import numpy as np

_WIDTH, _HEADS, _LAYERS, _FEED_FORWARD = 64, 4, 2, 128
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)


def write_tiny_internlm2(path: Path, *, architecture: str = "internlm2", context_length: int = 4096) -> Path:
    """InternLM2's shapes and tensors; its tokenizer knows bytes and the marks of a conversation, nothing else."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(context_length)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    vocabulary_size = _add_vocabulary(writer)
    random = np.random.default_rng(1)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.2, shape).astype(np.float32))

    add("token_embd", vocabulary_size, _WIDTH)
    add("output", vocabulary_size, _WIDTH)
    add("output_norm", _WIDTH)
    for layer in range(_LAYERS):
        add(f"blk.{layer}.attn_norm", _WIDTH)
        add(f"blk.{layer}.ffn_norm", _WIDTH)
        add(f"blk.{layer}.attn_q", _WIDTH, _WIDTH)
        add(f"blk.{layer}.attn_k", _WIDTH // 2, _WIDTH)
        add(f"blk.{layer}.attn_v", _WIDTH // 2, _WIDTH)
        add(f"blk.{layer}.attn_output", _WIDTH, _WIDTH)
        add(f"blk.{layer}.ffn_gate", _FEED_FORWARD, _WIDTH)
        add(f"blk.{layer}.ffn_up", _FEED_FORWARD, _WIDTH)
        add(f"blk.{layer}.ffn_down", _WIDTH, _FEED_FORWARD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> int:
    kinds = gguf.TokenType
    entries = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    entries += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    entries += [("<|im_start|>", kinds.CONTROL), ("<|im_end|>", kinds.CONTROL)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in entries])
    writer.add_token_scores([0.0] * len(entries))
    writer.add_token_types([int(kind) for _, kind in entries])
    writer.add_add_space_prefix(False)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(_TEMPLATE)
    return len(entries)
