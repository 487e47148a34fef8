"""Reading what is to be done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwgan_cli.batch.jobs import combinations, digest_of, matches, read_rows, stamp, texts
from lwgan_cli.errors import InputError, UsageError


def rows(folder: Path, name: str, content: str | bytes) -> list[tuple[str, str, dict[str, object]]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(row.where, row.command, dict(row.values)) for row in read_rows(path)]


def test_a_table_has_a_column_for_each_option(tmp_path: Path) -> None:
    content = (
        "\ufeffcommand, photos,driving,--max-side,output\r\n"
        "imitate,a.jpg | b.jpg,x.mp4,320,\r\n"
        "\r\n"
        'novelview,"odd, name.jpg",,,o.mp4\r\n'
        ",c.jpg,y.mp4,,\r\n"
    )
    assert rows(tmp_path, "jobs.csv", content) == [
        ("jobs.csv, line 2", "imitate", {"photos": "a.jpg | b.jpg", "driving": "x.mp4", "max_side": "320"}),
        ("jobs.csv, line 4", "novelview", {"photos": "odd, name.jpg", "output": "o.mp4"}),
        ("jobs.csv, line 5", "imitate", {"photos": "c.jpg", "driving": "y.mp4"}),
    ]


def test_lines_of_json_keep_their_values(tmp_path: Path) -> None:
    content = '{"photos": ["a.jpg", "b|c.jpg"], "driving": "x.mp4", "max-side": 320, "audio": false, "fps": null}\n\n'
    values = {"photos": ["a.jpg", "b|c.jpg"], "driving": "x.mp4", "max_side": 320, "audio": False}
    assert rows(tmp_path, "jobs.jsonl", content) == [("jobs.jsonl, line 1", "imitate", values)]


@pytest.mark.parametrize(
    ("name", "content", "error", "told"),
    [
        ("jobs.txt", "photos\na.jpg\n", UsageError, "jobs.txt: jobs are read from .csv, .jsonl"),
        ("jobs.csv", "", UsageError, "holds no jobs"),
        ("jobs.csv", "photos,driving\n,\n", UsageError, "holds no jobs"),
        ("jobs.csv", b"photos\n\xff\xfe\n", InputError, "UTF-8"),
        ("jobs.csv", "photos,driving\na.jpg,b.mp4,c\n", InputError, "line 2: 3 cells for 2 columns"),
        ("jobs.csv", "photos,--photos\na,b\n", InputError, "two columns are called photos"),
        ("jobs.csv", 'photos\n"a.jpg\n', InputError, "jobs.csv, line 2: not CSV"),
        ("jobs.jsonl", "{}\n{'photos': 1}\n", InputError, "jobs.jsonl, line 2: not JSON"),
        ("jobs.jsonl", "[1]\n", InputError, "line 1: list instead of an object"),
        ("jobs.jsonl", "[" * 100_000, InputError, "not JSON"),
        ("missing.csv", None, InputError, "can't be read"),
    ],
)
def test_what_is_no_job_file_is_told(
    tmp_path: Path, name: str, content: str | bytes | None, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match="^.*" + told.replace("(", r"\(")):
        if content is None:
            read_rows(tmp_path / name)
        rows(tmp_path, name, content or "")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([".csv", ".jsonl"]), st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_any_bytes_are_rows_or_told(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        found = read_rows(path)
    except (InputError, UsageError) as error:
        assert "any" in str(error)
    else:
        assert found and all(row.where and isinstance(row.command, str) for row in found)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["photos", "driving", "max_side"]),
            st.one_of(st.text(min_size=1), st.integers(), st.booleans(), st.lists(st.text(min_size=1), min_size=1)),
            min_size=1,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_json_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "back.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in wanted))
    assert [dict(row.values) for row in read_rows(path)] == wanted


def test_cells_as_a_command_line_would_hold_them() -> None:
    assert texts("a.jpg | b c.jpg", several=True) == ["a.jpg", "b c.jpg"]
    assert texts("a|b", several=False) == ["a|b"]
    assert texts(["a|b", 3], several=True) == ["a|b", "3"]
    assert texts(0.5, several=False) == ["0.5"]
    for value, several in ((["a", "b"], False), ("a||b", True), ({}, True), ([[]], True), ("a\0b", False)):
        with pytest.raises(UsageError):
            texts(value, several)


def test_patterns_mean_files_in_order(tmp_path: Path) -> None:
    for name in ("p/b.jpg", "p/a.jpg", "p/deep/c.jpg", "p/-d e.jpg", "p/é[1].jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert matches("p/[ab].jpg", tmp_path) == ["p/a.jpg", "p/b.jpg"]
    assert matches("p/**/c.jpg", tmp_path) == [str(Path("p/deep/c.jpg"))]
    assert matches("p/é[1].jpg", tmp_path) == ["p/é[1].jpg"]  # a file of that very name
    assert matches("gone.jpg", tmp_path) == ["gone.jpg"]  # its job will tell
    with pytest.raises(UsageError, match=r"nothing matches 'p/\*\.png'"):
        matches("p/*.png", tmp_path)


def test_every_photo_with_every_dance(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "x.mp4", "y.mp4"):
        (tmp_path / name).touch()
    found = combinations("imitate", {"photos": ["*.jpg", "a.jpg"], "driving": ["*.mp4"]}, tmp_path)
    assert [dict(row.values) for row in found] == [
        {"photos": photo, "driving": dance} for photo in ("a.jpg", "b.jpg") for dance in ("x.mp4", "y.mp4")
    ]
    assert found[0].where == "a.jpg × x.mp4" and found[0].command == "imitate"


def test_digests_and_stamps_tell_changed_files(tmp_path: Path) -> None:
    film, frames = tmp_path / "a.mp4", tmp_path / "frames"
    film.write_bytes(b"abc")
    frames.mkdir()
    (frames / "000000.png").write_bytes(b"1")
    before = digest_of(film), digest_of(frames), stamp(film), stamp(frames)
    assert before == (digest_of(film), digest_of(frames), stamp(film), stamp(frames))
    film.write_bytes(b"abd")
    os.utime(film, ns=(1, before[2][0][2] + 1))
    (frames / "000000.png").rename(frames / "000001.png")
    after = digest_of(film), digest_of(frames), stamp(film), stamp(frames)
    assert not any(one == other for one, other in zip(before, after, strict=True))
    assert digest_of(tmp_path / "gone") == "" and stamp(tmp_path / "gone") == []
