"""Convert values of CT, MRI and 16-bit pictures to gray levels by a declared rule."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.pictures.decode import refusing

Values = NDArray[Any]
DEFAULT_PERCENTILES: Final = (0.5, 99.5)


@dataclass(frozen=True, slots=True)
class Rendering:
    """Rule for converting values to gray levels; ``window`` maps ``low`` to ``high`` to 0 to 255.

    ``stored``: 8-bit values unchanged, others over their full range. ``invert``: invert MONOCHROME1.
    """

    rule: Literal["window", "dicom", "full", "percentile", "stored"] = "stored"
    low: float = 0
    high: float = 255
    invert: bool = True


def read_rendering(text: str) -> Rendering:
    """Return the rendering from the JSON of ``[read.intensity]``. Raise ImageProblem if it is invalid."""
    if not text:
        return Rendering()
    errors = (ValueError, AttributeError, TypeError)
    with refusing("rendering_unknown", f"{text!r} is not a rule for gray levels", *errors):
        held = json.loads(text)
        return make_rendering(held.get("window"), bool(held.get("invert_monochrome1", True)))


def make_rendering(window: Mapping[str, float] | str | None, invert: bool = True) -> Rendering:
    """Return the rendering of a ``window`` of ``[read.intensity]``. Raise ValueError if it is invalid."""
    if window is None:
        return Rendering(invert=invert)
    if isinstance(window, Mapping):
        centre, width = float(window["centre"]), float(window["width"])
        if width <= 0 or len(window) > 2:
            raise ValueError(f"window {dict(window)}: expected a centre, and a width above 0")
        return Rendering("window", centre - width / 2, centre + width / 2, invert)
    rule, *numbers = window.split()
    if rule == "percentile":
        low, high = map(float, numbers) if numbers else DEFAULT_PERCENTILES
        return Rendering("percentile", low, high, invert)
    if rule in ("dicom", "full", "stored") and not numbers:
        return Rendering("dicom" if rule == "dicom" else "full" if rule == "full" else "stored", invert=invert)
    raise ValueError(f"window {window!r}; choose {{ centre, width }}, dicom, full, or percentile LOW HIGH")


def to_gray(values: Values, rendering: Rendering, over: Values | None = None) -> NDArray[np.uint8]:
    """Return gray levels of values; ``over``: values to take range or percentiles from, such as a whole volume."""
    if rendering.rule == "stored" and values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    low, high = _limits(values if over is None else over, rendering)
    if not high > low:
        return np.zeros(values.shape, np.uint8)
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.clip(np.rint(np.nan_to_num(scaled)), 0, 255).astype(np.uint8)


def as_rgb(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return gray levels as a picture in RGB, height x width x 3."""
    return np.ascontiguousarray(np.broadcast_to(gray[..., None], (*gray.shape, 3)))


def _limits(values: Values, rendering: Rendering) -> tuple[float, float]:
    if rendering.rule == "window":
        return rendering.low, rendering.high
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if finite.size == 0:
        return 0, 0
    if rendering.rule == "percentile":
        low, high = np.percentile(finite, (rendering.low, rendering.high))
        return float(low), float(high)
    return float(finite.min()), float(finite.max())
