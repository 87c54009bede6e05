"""Volumes: planes are in patient space for any voxel order, and masks must be on the volume's grid."""

import gzip
import hashlib
import io
import json

import numpy as np
import pytest
from numpy.typing import NDArray

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.dicom import lies_on, slice_affine
from medmultipoints.transforms.rasters.dicom import read_values as dicom_values
from medmultipoints.transforms.rasters.nifti import Grid, read_grid, read_volume, take_plane
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.rasters.volumes import read_plane, render_plane
from medmultipoints.transforms.regions.layers import find_layer_objects
from medmultipoints.transforms.sources.annotated import AnnotatedPicture
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.registry import find_format
from tests.members import MemoryMembers

nibabel = pytest.importorskip("nibabel")

SPACING = np.diag([0.8, 0.9, 2.4, 1.0])


def body() -> NDArray[np.int16]:
    """A CT along right, front, head: air, tissue of 40 with noise, a liver of 91 at the patient's right."""
    noise = np.random.Generator(np.random.PCG64(3)).integers(-20, 20, (40, 30, 12), dtype=np.int16)
    volume = np.full((40, 30, 12), -1000, np.int16)
    volume[4:36, 4:26, :] = 40
    volume[22:34, 10:24, 3:9] = 91
    return (volume + noise).astype(np.int16)


def liver() -> NDArray[np.uint8]:
    mask = np.zeros((40, 30, 12), np.uint8)
    mask[22:34, 10:24, 3:9] = 1
    return mask


def turned(values: NDArray[np.generic], axes: str) -> bytes:
    """The same volume with its voxels stored along other axes, such as ``LPS`` or ``ASR``."""
    image = nibabel.Nifti1Image(values, SPACING)
    wanted = nibabel.orientations.axcodes2ornt(tuple(axes))
    return bytes(
        image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(SPACING), wanted)).to_bytes()
    )


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "ASR", "PIR", "SAL"])
def test_planes_are_the_same_whatever_the_order_of_voxels(axes: str) -> None:
    """An axial plane has the patient's right at the left, the front at the top."""
    volume = read_volume(turned(liver(), axes), axes)
    plane = take_plane(volume, "axial", 5, axes)
    rows, columns = plane.nonzero()
    assert plane.shape == (30, 40)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (6, 17, 6, 19)
    assert read_grid(turned(liver(), axes)[:4096], axes).shape == (40, 30, 12)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "ASR"])
def test_a_liver_measures_as_a_liver(axes: str) -> None:
    """Picture and mask may have different voxel orders: the mask covers its object, and a mirrored mask does not."""
    files = {"ct.nii": turned(body(), "RAS"), "mask.nii": turned(liver(), axes)}
    picture = take_plane(read_volume(files["ct.nii"], "ct"), "axial", 5, "ct")
    mask = read_plane(files.__getitem__, "mask.nii", "axial:5", "ct.nii") > 0
    assert picture[mask].mean() == pytest.approx(91, abs=2)
    assert picture[mask[:, ::-1]].mean() < 60


def test_a_mask_of_another_grid_is_refused() -> None:
    """A mask shifted by a voxel or of another shape does not belong to the volume."""
    shifted = SPACING.copy()
    shifted[0, 3] = 0.8
    files = {
        "ct.nii": turned(body(), "RAS"),
        "shifted.nii": nibabel.Nifti1Image(liver(), shifted).to_bytes(),
        "smaller.nii": turned(liver()[:, :, :8], "RAS"),
    }
    for name in ("shifted.nii", "smaller.nii"):
        with pytest.raises(MemberProblem) as problem:
            read_plane(files.__getitem__, name, "axial:5", "ct.nii")
        assert problem.value.reason == "geometry_differs"


def test_windows_and_square_pixels() -> None:
    """Gray levels follow the window; square pixels make a coronal plane as high as the body is."""
    files = {"ct.nii": turned(body(), "LPS")}
    window = json.dumps({"window": {"centre": 40, "width": 400}, "invert_monochrome1": True})
    plane = render_plane(files.__getitem__, "ct.nii", "axial:5", window)
    assert plane.shape == (30, 40, 3)
    assert plane[0, 0].tolist() == [0, 0, 0]
    assert plane[12, 12, 0] == pytest.approx((91 + 160) / 400 * 255, abs=15)
    assert render_plane(files.__getitem__, "ct.nii", "coronal:5:square", window).shape == (36, 40, 3)


def test_nnunet_is_read_with_its_names() -> None:
    """Channels have a suffix, labels a name in dataset.json; pictures without labels are not known to be empty."""
    files = {
        "imagesTr/case_001_0000.nii": turned(body(), "LPS"),
        "imagesTr/case_002_0000.nii": turned(body(), "RAS"),
        "labelsTr/case_001.nii": turned(liver(), "LAS"),
        "labelsTr/case_002.nii": turned(liver() * 2, "RAS"),
        "imagesTs/case_003_0000.nii": turned(body(), "RAS"),
        "dataset.json": json.dumps({"labels": {"background": 0, "liver": 1, "tumour": 2}}).encode(),
    }
    members = MemoryMembers(files)
    answers = {"masks.object": "component", "slices.axis": "axial", "intensity.window": "full"}
    found = inspect_source(members, nest_keys(answers))
    assert [question.key for question in found.questions] == []
    assert dict(found.objects) == {"liver": 6, "tumour": 6}
    declaration = declare(found.read)
    read = [item for item in find_format("nifti").read(declaration, members) if isinstance(item, AnnotatedPicture)]
    assert sum(not picture.annotated for picture in read) == 12
    assert {picture.columns["group"] for picture in read} == {"case_001_0000", "case_002_0000", "case_003_0000"}
    shown = next(p for p in read if p.member == "imagesTr/case_001_0000.nii" and p.plane == "axial:5")
    values = read_codes(shown.layers[0], members.read)
    assert [region.label for region in find_layer_objects(shown.layers[0], values).objects] == ["liver"]


def test_volumes_of_one_name_are_groups_by_their_folders() -> None:
    """TotalSegmentator writes a folder for each case, with files of the same names in all."""
    volumes = {f"s{case}/ct.nii.gz": gzip.compress(turned(body(), "RAS")) for case in (1, 2)}
    masks = {f"s{case}/segmentations/liver.nii.gz": gzip.compress(turned(liver(), "RAS")) for case in (1, 2)}
    declared = {
        "format": "nifti",
        "images": "{folder}/ct.nii.gz",
        "annotations": "{folder}/segmentations/{stem}.nii.gz",
    }
    keys = {"masks": {"kind": "binary", "object": "component", "label": "liver"}}
    found = find_format("nifti").read(declare({**declared, **keys}), MemoryMembers({**volumes, **masks}))
    read = [picture for picture in found if isinstance(picture, AnnotatedPicture)]
    assert {picture.columns["group"] for picture in read} == {"s1/ct", "s2/ct"}
    assert len({picture.name for picture in read}) == len(read)


def test_a_picture_lies_on_a_grid_or_not() -> None:
    """DICOM counts to the left and back, NIfTI to the right and front: the same place has other signs."""
    pydicom = pytest.importorskip("pydicom")
    header = pydicom.Dataset()
    header.Rows, header.Columns = 30, 40
    header.PixelSpacing = [0.9, 0.8]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = [-39 * 0.8, -29 * 0.9, 5 * 2.4]
    affine = slice_affine(header)
    assert affine is not None
    assert (affine @ (0, 0, 1)).tolist() == pytest.approx([39 * 0.8, 29 * 0.9, 12.0])
    grid = Grid((40, 30, 12), (0.8, 0.9, 2.4), SPACING)
    assert lies_on(header, grid)
    header.ImagePositionPatient = [-39 * 0.8 + 0.4, -29 * 0.9, 5 * 2.4]
    assert not lies_on(header, grid)


def series() -> dict[str, bytes]:
    """The body as DICOM slices: from head to feet by number, files without an extension."""
    pydicom = pytest.importorskip("pydicom")
    files = {}
    volume = body()
    for index in range(volume.shape[2]):
        slice_ = pydicom.Dataset()
        slice_.file_meta = pydicom.dataset.FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID = pydicom.uid.CTImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = f"1.2.3.{index + 1}"
        slice_.SeriesInstanceUID, slice_.StudyInstanceUID, slice_.PatientID = "1.2.3", "1.2", "MUSTER^ERIKA 1964"
        slice_.Modality, slice_.InstanceNumber = "CT", 12 - index
        slice_.Rows, slice_.Columns = 30, 40
        slice_.PixelSpacing = [0.9, 0.8]
        slice_.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        slice_.ImagePositionPatient = [-39 * 0.8, -29 * 0.9, index * 2.4]
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated = slice_.BitsStored = 16
        slice_.HighBit, slice_.PixelRepresentation = 15, 1
        slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
        slice_.PixelData = np.ascontiguousarray(volume[::-1, ::-1, index].T + 1024).astype(np.int16).tobytes()
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, slice_, enforce_file_format=True)
        files[f"dicom/IM{12 - index:04d}"] = buffer.getvalue()
    return files


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "ASR"])
def test_a_nifti_mask_lies_under_a_dicom_series(axes: str) -> None:
    """Slices are ordered from the feet up, masks are aligned with each picture, and no identity is released."""
    files = {**series(), "seg.nii.gz": gzip.compress(turned(liver() * 5, axes)), "labels.json": b'{"5": "liver"}'}
    members = MemoryMembers(files)
    answers = {"masks.object": "component", "intensity.window": {"centre": 40, "width": 400}}
    found = inspect_source(members, nest_keys(answers))
    assert (found.read["format"], [question.key for question in found.questions]) == ("dicom", [])
    assert dict(found.objects) == {"liver": 6}
    read = [p for p in find_format("dicom").read(declare(found.read), members) if isinstance(p, AnnotatedPicture)]
    assert [picture.member for picture in read] == [f"dicom/IM{12 - index:04d}" for index in range(12)]
    assert "ERIKA" not in repr(read)
    (group,) = {picture.columns["group"] for picture in read}
    number = "MUSTER^ERIKA 1964"
    assert hashlib.sha256(number.encode()).hexdigest()[:16] not in group, "numbers of patients can be tried"
    assert {picture.columns["person"] for picture in read} == {hashlib.sha256(number.encode()).hexdigest()[:16]}
    values = dicom_values(files[read[5].member], "x")
    mask = read_codes(read[5].layers[0], members.read) == 5
    assert values[mask].mean() == pytest.approx(91, abs=2)
    assert values[mask[:, ::-1]].mean() < 60


def two_series(masks: str) -> dict[str, bytes]:
    """Two series on the same voxels, in folders a and b, with a mask in a folder."""
    pydicom = pytest.importorskip("pydicom")
    files = {masks: gzip.compress(turned(liver() * 5, "RAS")), "labels.json": b'{"5": "liver"}'}
    for name, data in series().items():
        slice_ = pydicom.dcmread(io.BytesIO(data))
        for folder in ("a", "b"):
            slice_.SeriesInstanceUID = f"1.2.3.{folder == 'b':d}"
            slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID = f"{slice_.SOPInstanceUID}.1"
            buffer = io.BytesIO()
            pydicom.dcmwrite(buffer, slice_, enforce_file_format=True)
            files[name.replace("dicom", folder)] = buffer.getvalue()
    return files


@pytest.mark.parametrize(("place", "counts"), [("a/seg.nii.gz", {"liver": 6}), ("seg.nii.gz", {})])
def test_a_mask_on_two_series_is_of_the_one_in_its_folder(place: str, counts: dict[str, int]) -> None:
    """Else it is asked; as long as nobody says, it is of none."""
    members = MemoryMembers(two_series(place))
    answers = {"masks.object": "component", "intensity.window": {"centre": 40, "width": 400}}
    found = inspect_source(members, nest_keys(answers))
    assert dict(found.objects) == counts
    assert ["masks.series"] * (not counts) == [question.key for question in found.questions]
    whole = inspect_source(members, nest_keys({**answers, "masks.series": "all"}))
    assert (dict(whole.objects), whole.questions) == ({"liver": 12}, ())
    read = find_format("dicom").read(declare(found.read), members)
    annotated = {one.member[0] for one in read if isinstance(one, AnnotatedPicture) and one.annotated}
    assert annotated == set("a" * bool(counts))


def as_nrrd(values: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    """A NRRD file in the space left, posterior, superior, packed with gzip."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    directions = " ".join(f"({','.join(map(str, lps[:3, axis]))})" for axis in range(3))
    kind = {"int16": "short", "uint8": "uchar"}[str(values.dtype)]
    fields = {
        "type": kind, "dimension": 3, "space": "left-posterior-superior", "sizes": " ".join(map(str, values.shape)),
        "space directions": directions, "kinds": "domain domain domain", "endian": "little", "encoding": "gzip",
        "space origin": f"({','.join(map(str, lps[:3, 3]))})",
    }  # fmt: skip
    lines = "".join(f"{key}: {value}\n" for key, value in fields.items())
    return f"NRRD0004\n{lines}\n".encode() + gzip.compress(values.tobytes("F"))


def as_mha(values: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    """A MetaImage file: positions to left and posterior, the axes of voxels as rows of the matrix."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    matrix = " ".join(map(str, (lps[:3, :3] / spacing).T.ravel()))
    kind = {"int16": "MET_SHORT", "uint8": "MET_UCHAR"}[str(values.dtype)]
    fields = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": True, "BinaryDataByteOrderMSB": False,
        "CompressedData": False, "TransformMatrix": matrix, "Offset": " ".join(map(str, lps[:3, 3])),
        "ElementSpacing": " ".join(map(str, spacing)), "DimSize": " ".join(map(str, values.shape)),
        "ElementType": kind, "ElementDataFile": "LOCAL",
    }  # fmt: skip
    return "".join(f"{key} = {value}\n" for key, value in fields.items()).encode() + values.tobytes("F")


@pytest.mark.parametrize("write", [as_nrrd, as_mha])
@pytest.mark.parametrize("axes", ["RAS", "LPS", "ASR"])
def test_other_volume_files_lie_where_nifti_does(write: object, axes: str) -> None:
    """NRRD and MetaImage give the planes of the NIfTI file of the same voxels, whatever their order."""
    pytest.importorskip("nrrd")
    image = nibabel.Nifti1Image.from_bytes(turned(body(), axes))
    data = write(np.asarray(image.dataobj), image.affine)  # type: ignore[operator]
    expected, found = read_volume(turned(body(), axes), "a.nii"), read_volume(data, "a")
    assert np.array_equal(take_plane(found, "axial", 5, "a"), take_plane(expected, "axial", 5, "a.nii"))
    assert np.allclose(found.grid.affine, expected.grid.affine)
    assert read_grid(data[: 1 << 16], "a").shape == (40, 30, 12)
    with pytest.raises(MemberProblem):
        read_volume(data[:-200], "a")


def test_a_fourth_axis_is_asked_for() -> None:
    """Only a person can choose the channel of a volume with several; its mask has three axes."""
    parts = nibabel.Nifti1Image(np.stack([body(), body() + 7], axis=-1), SPACING).to_bytes()
    members = MemoryMembers({"a/x.nii": parts, "b/x.nii": turned(liver(), "RAS")})
    assert "slices.channel" in [question.key for question in inspect_source(members, {}).questions]
    answers = {"slices.channel": 1, "slices.axis": "axial", "masks.object": "component", "masks.label": "liver"}
    found = inspect_source(members, nest_keys({**answers, "intensity.window": "full"}))
    assert dict(found.objects) == {"liver": 6}
    reading = find_format("nifti").read(declare(found.read), members)
    picture = next(item for item in reading if isinstance(item, AnnotatedPicture))
    shown = render_plane(members.read, picture.member, picture.plane, picture.rendering)
    assert picture.plane.endswith(":channel1")
    assert shown.shape == (30, 40, 3)


def test_a_stack_of_pages_is_not_its_first_page() -> None:
    """A TIFF of several full pages is refused by name unless a page is chosen; a reduced copy is no page."""
    tifffile = pytest.importorskip("tifffile")
    stack, reduced = io.BytesIO(), io.BytesIO()
    tifffile.imwrite(stack, np.zeros((3, 20, 30), np.uint8), photometric="minisblack")
    with tifffile.TiffWriter(reduced) as writer:
        writer.write(np.zeros((64, 64), np.uint8))
        writer.write(np.zeros((32, 32), np.uint8), subfiletype=1)
    with pytest.raises(MemberProblem) as problem:
        render_plane({"a.tif": stack.getvalue()}.__getitem__, "a.tif", "", "")
    assert problem.value.reason == "several_pages"
    assert render_plane({"a.tif": stack.getvalue()}.__getitem__, "a.tif", "page:1", "").shape == (20, 30, 3)
    assert render_plane({"a.tif": reduced.getvalue()}.__getitem__, "a.tif", "", "").shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("volume", "mask"),
    [
        ("volume-{}.nii", "segmentation-{}.nii"),
        ("Case{}.nii", "Case{}_segmentation.nii"),
        ("rawdata/sub-verse{0}/sub-verse{0}_ct.nii", "derivatives/sub-verse{0}/sub-verse{0}_seg-vert_msk.nii"),
        ("case_{}/imaging.nii", "case_{}/segmentation.nii"),
    ],
    ids=["LiTS", "PROMISE12", "VerSe", "KiTS"],
)
def test_masks_join_their_volumes(volume: str, mask: str) -> None:
    """Two patients on one grid: names alone say which mask is whose."""
    lifted = np.roll(liver(), 2, axis=2)
    files = {volume.format(n): turned(body(), "RAS") for n in (1, 2)}
    files |= {mask.format(1): turned(liver(), "RAS"), mask.format(2): turned(lifted, "RAS")}
    members = MemoryMembers(files)
    answers = {"masks.object": "component", "masks.label": "liver", "slices.axis": "axial", "intensity.window": "full"}
    found = inspect_source(members, nest_keys(answers))
    assert not found.questions and dict(found.objects) == {"liver": 12}
    reading = find_format("nifti").read(declare(found.read), members)
    layers = {(p.member, layer.member) for p in reading if isinstance(p, AnnotatedPicture) for layer in p.layers}
    assert layers == {(volume.format(n), mask.format(n)) for n in (1, 2)}


def test_a_plane_alone_is_no_volume() -> None:
    """CAMUS keeps pictures of two dimensions in NIfTI files."""
    flat = nibabel.Nifti1Image(body()[:, :, 5], np.diag([0.8, 0.9, 1, 1])).to_bytes()
    found = inspect_source(MemoryMembers({"a_2CH.nii": flat, "a_2CH_gt.nii": flat}), {})
    assert found.recognition is None and "write PNG" in found.hints[0].text
