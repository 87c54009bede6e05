"""Segmentations of DICOM series: several readers of one picture are asked, segmentations of others are not."""

import io
from collections.abc import Sequence

import pytest

from medmultipoints.transforms.rasters.dicom import SEGMENTATION
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from tests.members import MemoryMembers
from tests.transforms.sources.formats.test_volumes import series


def segmentation(slices: Sequence[int], label: str) -> bytes:
    """A segmentation of one label with an empty frame for each slice."""
    pydicom = pytest.importorskip("pydicom")
    held = pydicom.Dataset()
    held.file_meta = pydicom.dataset.FileMetaDataset()
    held.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    held.file_meta.MediaStorageSOPClassUID = held.SOPClassUID = SEGMENTATION
    held.file_meta.MediaStorageSOPInstanceUID = held.SOPInstanceUID = f"1.9.{len(label)}.{slices[0]}"
    segment = pydicom.Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, label
    held.SegmentSequence = [segment]
    held.PerFrameFunctionalGroupsSequence = [_frame(pydicom, number) for number in slices]
    held.Rows, held.Columns, held.NumberOfFrames = 30, 40, len(slices)
    held.SamplesPerPixel, held.BitsAllocated, held.BitsStored, held.HighBit, held.PixelRepresentation = 1, 1, 1, 0, 0
    held.PhotometricInterpretation, held.PixelData = "MONOCHROME2", bytes(30 * 40 // 8 * len(slices))
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, held, enforce_file_format=True)
    return buffer.getvalue()


def _frame(pydicom, number: int):  # type: ignore[no-untyped-def]
    source, derivation, segment, group = (pydicom.Dataset() for _ in range(4))
    source.ReferencedSOPInstanceUID = f"1.2.3.{number}"
    derivation.SourceImageSequence = [source]
    segment.ReferencedSegmentNumber = 1
    group.DerivationImageSequence, group.SegmentIdentificationSequence = [derivation], [segment]
    return group


@pytest.mark.parametrize(
    ("second", "choices"),
    [
        (((3, 4), "Liver"), ('"seg/a.dcm"', '"seg/b.dcm"', '"seg/{stem}.dcm"')),
        (((5, 6), "Liver"), None),
        (((3, 4), "Tumour"), None),
    ],
)
def test_two_readers_of_one_label_in_one_picture_are_asked(
    second: tuple[tuple[int, ...], str], choices: tuple[str, ...] | None
) -> None:
    """Read together, they would count each object twice."""
    files = {**series(), "seg/a.dcm": segmentation((2, 3), "Liver"), "seg/b.dcm": segmentation(*second)}
    found = recognise_source(MemoryMembers(files), {})
    assert found is not None
    asked = {question.key: question.choices for question in found.questions}
    assert asked.get("annotations") == choices
