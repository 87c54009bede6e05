"""Encode a small mp4 in memory, reproducibly."""

import io
from collections.abc import Iterable

from medmultipoints.transforms.sources.simulated.images import Pixels


def encode_video(frames: Iterable[Pixels], fps: int) -> bytes:
    """Return the gray pictures (H x W) as an mp4 with one video stream of ``fps`` frames per second."""
    import av

    encoded = io.BytesIO()
    with av.open(encoded, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = None
        for picture in frames:
            if stream is None:
                stream = container.add_stream("mpeg4", rate=fps, options={"flags": "+bitexact", "qscale": "3"})
                stream.height, stream.width = picture.shape
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1  # the bytes must not depend on the machine's cores
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        if stream is not None:
            container.mux(stream.encode())
    return encoded.getvalue()
