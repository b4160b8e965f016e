"""A GGUF file of the SmolLM2 family as a folder that LMDeploy and transformers read: the same weights, in bfloat16.

    python benchmarks/gpu/checkpoint.py MODEL.gguf FOLDER [--tokenizer-only]

Needs gguf, tokenizers and, for the weights, transformers and PyTorch. Weights are unpacked by transformers' reader of
GGUF. Its tokenizer is written here: transformers would split numbers otherwise than the model was taught.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from gguf import GGUFReader, TokenType
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


def tokenizer(file: Path) -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer, and what tokenizer_config.json says of it. Raises SystemExit for another family's."""
    fields = GGUFReader(file).fields

    def field(name: str) -> Any:
        return fields[f"tokenizer.{name}"].contents()

    if field("ggml.model") != "gpt2" or field("ggml.pre") != "smollm":
        raise SystemExit(f"{file}: only SmolLM's tokenizer is known here, not {field('ggml.pre')!r}")
    tokens: list[str] = field("ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in field("ggml.merges")]
    made = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    control = [
        token
        for token, kind in zip(tokens, field("ggml.token_type"), strict=True)
        if kind == TokenType.CONTROL
    ]
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return made, {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[field("ggml.bos_token_id")],
        "eos_token": tokens[field("ggml.eos_token_id")],
        "pad_token": tokens[field("ggml.eos_token_id")],
        "clean_up_tokenization_spaces": False,
        "chat_template": field("chat_template"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer-only", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    made, config = tokenizer(given.file)
    if not given.tokenizer_only:
        import torch
        from transformers import AutoModelForCausalLM

        read = AutoModelForCausalLM.from_pretrained(
            given.file.parent, gguf_file=given.file.name, dtype=torch.bfloat16
        )
        # What was read from a GGUF counts as quantised, and is not written: the same weights in a plain model are.
        read.config.__dict__.pop("quantization_config", None)
        model = AutoModelForCausalLM.from_config(read.config, dtype=torch.bfloat16)
        model.load_state_dict(read.state_dict())
        model.generation_config.eos_token_id = made.token_to_id(config["eos_token"])
        model.save_pretrained(given.folder)
        # LMDeploy 0.18 looks for these where transformers had them before version 5.
        written = json.loads((given.folder / "config.json").read_text("utf-8"))
        written |= {"rope_theta": written["rope_parameters"]["rope_theta"], "torch_dtype": "bfloat16"}
        (given.folder / "config.json").write_text(json.dumps(written, indent=1), encoding="utf-8")
    made.save(str(given.folder / "tokenizer.json"))
    (given.folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
