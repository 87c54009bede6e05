"""Sample frames of a video by the recipe's rule."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Rule = Literal["all", "every", "per_video"]


@dataclass(frozen=True, slots=True)
class FrameSampling:
    """Sampling rule: all frames, every k-th by frame number, or a fixed number per video drawn by seed."""

    rule: Rule
    every: int
    per_video: int
    seed: int

    def describe(self, video: str) -> str:
        """Return the rule in words, for the exclusion of a frame that is not sampled."""
        if self.rule == "per_video":
            return f"not among the {self.per_video} frames drawn from video {video} with seed {self.seed}"
        return f"not a multiple of {self.every}, the frame step of the recipe"


def sample_frames(sampling: FrameSampling, video: str, frames: Collection[int]) -> frozenset[int]:
    """Return the sampled frame numbers of one video, independent of other videos.

    ``every``: numbers divisible by k. ``per_video``: the N frames with the smallest sha256 of
    ``"<seed>:<video>:<frame>"``, so adding or removing a frame changes at most one other choice.
    """
    if sampling.rule == "all":
        return frozenset(frames)
    if sampling.rule == "every":
        return frozenset(frame for frame in frames if frame % sampling.every == 0)
    return frozenset(sorted(frames, key=lambda frame: _rank(sampling.seed, video, frame))[: sampling.per_video])


def _rank(seed: int, video: str, frame: int) -> bytes:
    return hashlib.sha256(f"{seed}:{video}:{frame}".encode()).digest()
