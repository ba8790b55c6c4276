"""Which files are uploaded, and under which keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelstack.errors import InputError
from labelstack.uploads import MAX_KEY_BYTES, collect, content_type, under


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(*paths: Path) -> list[str]:
    return [picture.name for picture in collect(paths)]


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
    one, other = tmp_path / "x" / "cat.jpg", tmp_path / "y" / "z" / "cat.jpg"
    write(one, other)
    assert names(one, other) == ["x/cat.jpg", "y/z/cat.jpg"]


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
    [picture] = under("up loads/", collect([tmp_path / "cat.jpg"]))
    assert (picture.key, picture.name) == ("up loads/cat.jpg", "cat.jpg")


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.jpg.*no such file"):
        collect([tmp_path / "nowhere.jpg"])


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "trip" / "notes.txt")
    with pytest.raises(InputError, match=r"no picture in the folder.*trip"):
        collect([tmp_path / "trip"])


def test_a_key_that_s3_would_not_take_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "cat.jpg")
    with pytest.raises(InputError, match=f"{MAX_KEY_BYTES + 7} bytes"):
        under("p" * MAX_KEY_BYTES, collect([tmp_path / "cat.jpg"]))
