"""Conversation dialects with JSON answers; they differ only in coordinate frame and wrapping."""

from collections.abc import Callable
from typing import Any, Final

from medmultipoints.transforms.dialects.conversations.answers import (
    Unsupported,
    check_text,
    convert_numbers,
    read_content,
    refuse_pixels,
    write_content,
)
from medmultipoints.transforms.dialects.conversations.prompts import restate
from medmultipoints.transforms.dialects.frames import PIXELS, Frame, encode_box, encode_point
from medmultipoints.transforms.dialects.items import Item
from medmultipoints.transforms.instructions.naming.names import IMAGE_TOKEN

Line = dict[str, Any]
Wrap = Callable[[Item, str, str], Line]
ASSISTANT: Final = "assistant"


def encode_json(item: Item, frame: Frame, wrap: Wrap) -> Line:
    """Return the wrapped instruction, with prompt and answer converted to the frame.

    Raise Unsupported for coordinates that cannot be converted, and for a picture that the model cannot resize.
    """
    try:
        for size in item.sizes:
            frame.extent(size)  # raises ValueError if the model cannot resize the picture
        answer = convert_answer(item, frame)
        return wrap(item, restate(item.prompt, frame, item.size), answer) | ids_of(item)
    except Unsupported:
        raise
    except ValueError as error:
        raise Unsupported("the model cannot resize the picture") from error


def convert_answer(item: Item, frame: Frame) -> str:
    """Return the answer in numbers of the frame; plain text is unchanged."""
    content = read_content(item.answer)
    if content is None:
        return item.answer if frame is PIXELS else check_text(item.answer)
    if frame is not PIXELS:
        refuse_pixels(content)
    changed = convert_numbers(
        content,
        lambda point: encode_point(frame, point, item.size),
        lambda box: encode_box(frame, box, item.size),
    )
    return write_content(changed)


def wrap_messages(item: Item, prompt: str, answer: str) -> Line:
    """Return ``messages`` with roles and ``images`` with paths, for ms-swift and (with its tags) LLaMA-Factory."""
    user = {"role": "user", "content": f"{IMAGE_TOKEN * len(item.pictures)}{prompt}"}
    return {"messages": [user, {"role": ASSISTANT, "content": answer}], "images": list(item.pictures)}


def wrap_completion(item: Item, prompt: str, answer: str) -> Line:
    """Return ``prompt``, ``completion`` and ``images`` for TRL, which puts pictures first and trains on the completion.

    The texts have no ``<image>``: TRL fails on it or, for some models, trains on it as text.
    """
    user, assistant = {"role": "user", "content": prompt}, {"role": ASSISTANT, "content": answer}
    return {"prompt": [user], "completion": [assistant], "images": list(item.pictures)}


def wrap_conversation(item: Item, prompt: str, answer: str) -> Line:
    """Return ``conversations`` of human and gpt with ``image`` (a path or a list), for Qwen-VL's fine-tuning tool."""
    tokens = f"{IMAGE_TOKEN}\n" * len(item.pictures)
    human = {"from": "human", "value": f"{tokens}{prompt}"}
    image = item.image if len(item.pictures) == 1 else list(item.pictures)
    return {"id": item.instruction_id, "image": image} | {"conversations": [human, {"from": "gpt", "value": answer}]}


def wrap_single(item: Item, prompt: str, answer: str) -> Line:
    """Return the entry of ``wrap_conversation`` for LLaVA; raise Unsupported for several pictures."""
    if len(item.pictures) > 1:
        raise Unsupported("several pictures: an entry of LLaVA has one")
    return wrap_conversation(item, prompt, answer)


def ids_of(item: Item) -> Line:
    """Return the ids of the instruction; trainers ignore these keys."""
    return {"instruction_id": item.instruction_id, "record_id": item.record_id}
