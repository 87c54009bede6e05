"""Paths of VISEM-Tracking's official archive."""

NAME = "visem_tracking"
VISEM_ZIP = "VISEM_tracking.zip"
_ROOT = "VISEM_Tracking_Train_v4/Train"


def frame_stem(video: str, frame: int) -> str:
    """Return the stem that a frame's files share."""
    return f"{video}_frame_{frame}"


def image_name(video: str, frame: int) -> str:
    """Return the member path of a frame's picture."""
    return f"{_ROOT}/{video}/images/{frame_stem(video, frame)}.jpg"


def labels_name(video: str, frame: int) -> str:
    """Return the member path of a frame's labels."""
    return f"{_ROOT}/{video}/labels/{frame_stem(video, frame)}.txt"


def tracked_name(video: str, frame: int) -> str:
    """Return the member path of a frame's labels with track ids."""
    return f"{_ROOT}/{video}/labels_ftid/{frame_stem(video, frame)}_with_ftid.txt"


def video_name(video: str) -> str:
    """Return the member path of a video."""
    return f"{_ROOT}/{video}/{video}.mp4"
