"""One training step of TRL on a tiny Idefics3 with random weights, on the rows of a release or of an export."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from datasets import Dataset, Image, List, load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)
from trl import SFTConfig, SFTTrainer

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>",
    "<global-img>", *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
]  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% elif c['type'] == 'text' %}{{ c['text'] }}"
    "{% endif %}{% endfor %}{% endif %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZE = {"longest_edge": 56}


def read_rows(place: str) -> Dataset:
    """The rows of the config of a release, or of the file of an export."""
    if (Path(place) / "manifest.json").is_file():
        return load_dataset(place, "instructions_trl", split="train")
    rows = load_dataset("json", data_files=f"{place}/train.jsonl", split="train")
    rows = rows.map(lambda row: {"images": [f"{place}/{path}" for path in row["images"]]})
    return rows.cast_column("images", List(Image()))


def tiny_processor(rows: Dataset) -> Idefics3Processor:
    """A processor with a tokenizer that learned the texts of the rows."""
    texts = [turn["content"] for row in rows.remove_columns("images") for turn in (*row["prompt"], *row["completion"])]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<end_of_utterance>", bos_token="<|im_start|>", pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL[1:],
    )  # fmt: skip
    pictures = Idefics3ImageProcessorPil(size=SIZE, max_image_size=SIZE, do_image_splitting=False)
    return Idefics3Processor(tokenizer=tokenizer, image_seq_len=4, chat_template=TEMPLATE, image_processor=pictures)


def tiny_model(processor: Idefics3Processor) -> Idefics3ForConditionalGeneration:
    """About 0.2 million random weights."""
    tokenizer = processor.tokenizer
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    return Idefics3ForConditionalGeneration(
        Idefics3Config(
            scale_factor=2,
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
            pad_token_id=0,
            vision_config=vision | {"image_size": 56, "patch_size": 14},
            text_config=text
            | {"model_type": "llama", "vocab_size": len(tokenizer), "num_key_value_heads": 2, "pad_token_id": 0}
            | {"max_position_embeddings": 4096, "bos_token_id": 1, "eos_token_id": 3},
        )
    )


def main(place: str, out: str) -> dict[str, Any]:
    """Train for one step and return what was learned from."""
    rows = read_rows(place)
    processor = tiny_processor(rows)
    model = tiny_model(processor)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    settings = SFTConfig(
        out, max_steps=1, per_device_train_batch_size=2, max_length=None, use_cpu=True, bf16=False,
        gradient_checkpointing=False, report_to="none", save_strategy="no", dataloader_num_workers=2,
    )  # fmt: skip
    trainer = SFTTrainer(model, settings, train_dataset=rows, processing_class=processor)
    done = trainer.train()
    changed = sum(not weight.equal(before[name]) for name, weight in model.state_dict().items())
    assert math.isfinite(done.training_loss) and changed > 0, (done, changed)
    return {
        "rows": rows.num_rows,
        "columns": sorted(rows.column_names),
        "pictures": sorted({len(row) for row in rows["images"][:50]}),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "loss": round(done.training_loss, 3),
        "weights_changed": changed,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])))
