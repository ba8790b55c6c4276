"""The choice of files to upload, and of their keys."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from labelstack.errors import InputError
from labelstack.uploads import MAX_KEY_BYTES, collect, content_type, key_problem, under


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(*paths: Path) -> list[str]:
    return [picture.name for picture in collect(paths).pictures]


def test_a_file_is_named_after_itself(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "cat.jpg")
    assert names(tmp_path / "deep" / "cat.jpg") == ["cat.jpg"]


def test_a_folder_gives_its_pictures_by_path_from_the_folder_on(tmp_path: Path) -> None:
    write(tmp_path / "trip" / "b.PNG", tmp_path / "trip" / "day 1" / "a+ü.jpg", tmp_path / "trip" / "notes.txt")
    assert names(tmp_path / "trip") == ["trip/b.PNG", "trip/day 1/a+ü.jpg"]


def test_the_current_folder_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "trip" / "a.jpg")
    monkeypatch.chdir(tmp_path / "trip")
    assert names(Path()) == ["trip/a.jpg"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "trip" / "a.jpg", tmp_path / "trip" / ".b.jpg", tmp_path / "trip" / ".thumbs" / "c.jpg")
    assert names(tmp_path / "trip") == ["trip/a.jpg"]


def test_a_named_file_is_taken_whatever_it_is(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt")
    assert names(tmp_path / "notes.txt") == ["notes.txt"]


def test_a_file_named_twice_is_uploaded_once(tmp_path: Path) -> None:
    write(tmp_path / "trip" / "a.jpg")
    assert names(tmp_path / "trip", tmp_path / "trip" / "a.jpg", tmp_path / "trip") == ["trip/a.jpg"]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    first, other = tmp_path / "x" / "cat.jpg", tmp_path / "y" / "z" / "cat.jpg"
    write(first, other)
    assert names(first, other) == ["x/cat.jpg", "y/z/cat.jpg"]


def test_keys_stay_unique_when_telling_apart_meets_another_name(tmp_path: Path) -> None:
    folder = tmp_path / "y" / "x"
    files = [tmp_path / "x" / "cat.jpg", tmp_path / "z" / "cat.jpg", folder / "cat.jpg"]
    write(*files)
    assert len(set(names(files[0], files[1], folder))) == 3


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".heic", ".webp", ".gif", ".tiff", ".bmp", ".avif"])
def test_pictures_have_a_picture_s_content_type(suffix: str) -> None:
    assert content_type(Path(f"a{suffix}")).startswith("image/")


def test_other_files_have_a_content_type() -> None:
    assert content_type(Path("a.txt")) == "text/plain"
    assert content_type(Path("a.nobody-knows")) == "application/octet-stream"


def test_a_prefix_is_put_before_the_name(tmp_path: Path) -> None:
    write(tmp_path / "cat.jpg")
    [picture] = under("up loads/", collect([tmp_path / "cat.jpg"]).pictures)
    assert (picture.key, picture.name) == ("up loads/cat.jpg", "cat.jpg")


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.jpg.*no such file"):
        collect([tmp_path / "nowhere.jpg"])


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "trip" / "notes.txt")
    with pytest.raises(InputError, match=r"no picture in the folder.*trip"):
        collect([tmp_path / "trip"])


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("p" * MAX_KEY_BYTES, None),
        ("control\x01\n.jpg", None),
        ("p" * (MAX_KEY_BYTES + 7), f"{MAX_KEY_BYTES + 7} bytes.*shorten"),
        (os.fsdecode(b"latin\xe9.jpg"), "not UTF-8.*rename"),
    ],
)
def test_a_key_that_s3_would_not_take_has_a_reason(key: str, problem: str | None) -> None:
    reason = key_problem(key)

    assert reason is None if problem is None else re.search(problem, reason or "")


def test_what_is_left_out_of_a_folder_is_named_with_the_reason(tmp_path: Path) -> None:
    trip = tmp_path / "trip"
    write(trip / "a.HIF", trip / "notes.txt", trip / ".b.jpg", trip / "@eaDir" / "a.jpg" / "THUMB.jpg")
    (trip / "elsewhere").symlink_to(tmp_path)
    (trip / "pipe.jpg").mkdir()
    (trip / "gone.jpg").symlink_to(trip / "nowhere")

    selection = collect([trip])

    assert [picture.content_type for picture in selection.pictures] == ["image/heif"]
    assert {left_out.path.name: left_out.reason for left_out in selection.left_out} == {
        "notes.txt": "not a picture's suffix",
        ".b.jpg": "hidden",
        "@eaDir": "a system's file",
        "elsewhere": "a link to a folder",
        "gone.jpg": "the file cannot be read: No such file or directory",
    }
    assert [unreadable.path.name for unreadable in selection.unreadable] == ["gone.jpg"]


def test_a_folder_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "trip" / "a.jpg", tmp_path / "trip" / "locked" / "b.jpg")
    scan = os.scandir

    def locked(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)

    selection = collect([tmp_path / "trip"])

    assert [picture.name for picture in selection.pictures] == ["trip/a.jpg"]
    assert [(unreadable.path.name, unreadable.reason) for unreadable in selection.unreadable] == [
        ("locked", "the folder cannot be read: Permission denied")
    ]
