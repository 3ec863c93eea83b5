import time
import zipfile

from bulbar.core import archives


def write(path, second: int, content: bytes = b"weights" * 100) -> None:
    moment = time.gmtime(1_700_000_000 + second)[:6]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("b/meta.json", moment), f'{{"saved": {second}}}')
        archive.writestr(zipfile.ZipInfo("a.bin", moment), content, compress_type=zipfile.ZIP_DEFLATED)


def test_the_same_content_written_at_another_time_is_the_same_bytes(tmp_path):
    for second in (2, 4000):
        write(tmp_path / f"{second}.zip", second)
        archives.fix_dates(tmp_path / f"{second}.zip", {"b/meta.json": lambda content: b"{}"})
    assert (tmp_path / "2.zip").read_bytes() == (tmp_path / "4000.zip").read_bytes()


def test_members_keep_their_order_content_and_compression_and_have_the_earliest_date(tmp_path):
    path = tmp_path / "a.zip"
    write(path, 2)
    archives.fix_dates(path, {})
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["b/meta.json", "a.bin"]
        assert archive.read("a.bin") == b"weights" * 100
        assert archive.read("b/meta.json") == b'{"saved": 2}'
        assert [member.compress_type for member in archive.infolist()] == [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert [found.name for found in tmp_path.iterdir()] == ["a.zip"]
