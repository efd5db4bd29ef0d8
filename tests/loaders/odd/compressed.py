"""Compressed files, sound and broken: told by their first bytes, known by what they hold."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from tests.loaders.odd.expect import OddFile
from tests.loaders.odd.kinds import CORE, KINDS, NAND, OddKind, kinds_in_turn
from tests.loaders.odd.log import LogSheet
from tests.loaders.odd.sheet import Sheet, failed, slug

SOUND, BROKEN, OTHERS = "Compressed files", "Broken compressed files", "Other things in compressed files"
_GZIP_NAME, _GZIP_COMMENT, _GZIP_EXTRA = 8, 16, 4
_ZSTD_BLOCK = 128 << 10


def compressed_files() -> Iterator[OddFile]:
    """Return all compressed files."""
    for number, kind in enumerate([*CORE, *NAND], start=1):
        yield from _sound(kind, number)
        if kind in (CORE[0], NAND[0]):
            yield from _broken(kind, number)
    yield from _logs()
    yield from _others()


def _gzip(content: bytes, level: int = 6, flags: int = 0, fields: bytes = b"") -> bytes:
    """Write a gzip member by hand (RFC 1952): the same bytes everywhere, and any field of its head."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    head = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, flags, 0, 0, 255)
    return head + fields + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def _zstd(content: bytes) -> bytes:
    """Write a Zstandard frame of raw blocks (RFC 8878): its size in four bytes, no checksum."""
    blocks = [content[at : at + _ZSTD_BLOCK] for at in range(0, len(content), _ZSTD_BLOCK)] or [b""]
    frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(content))
    for number, block in enumerate(blocks, start=1):
        frame += struct.pack("<I", (len(block) << 3) | (number == len(blocks)))[:3] + block
    return frame


def _sheet(kind: OddKind, label: str) -> Sheet:
    sheet = Sheet(kind, label, [*kind.columns, "note"]).head().row({"note": "한글,\n=1+1"})
    return sheet.row({kind.columns[3]: "x"}).row({"note": "x" * 5_000})


def _sound(kind: OddKind, number: int) -> Iterator[OddFile]:
    ending = kind.named.rpartition(".")[2]
    plain = _sheet(kind, f"{SOUND} {number}").content
    middle = len(plain) // 2
    packed = {
        "gzip": (_gzip, ".gz"),
        "gzip, not compressed at all": (lambda plain: _gzip(plain, 0), ".gz"),
        "gzip with a file's name, a comment and more in its head": (
            lambda plain: _gzip(
                plain,
                flags=_GZIP_NAME | _GZIP_COMMENT | _GZIP_EXTRA,
                fields=b"\x04\0abcd../../etc/passwd\0; drop table x\0",
            ),
            ".gz",
        ),
        "gzip in two members, one behind the other": (
            lambda plain: _gzip(plain[:middle]) + _gzip(plain[middle:]),
            ".gz",
        ),
        "gzip with an empty member before and behind": (lambda plain: _gzip(b"") + _gzip(plain) + _gzip(b""), ".gz"),
        "gzip under a name that says CSV": (_gzip, ""),
        "gzip under a name that says zstd": (_gzip, ".zst"),
        "zstd": (_zstd, ".zst"),
        "zstd in two frames": (lambda plain: _zstd(plain[:middle]) + _zstd(plain[middle:]), ".zst"),
        "zstd with a frame that is to be skipped": (
            lambda plain: struct.pack("<II", 0x184D2A50, 4) + b"skip" + _zstd(plain),
            ".zst",
        ),
        "zstd under a name that says gzip": (_zstd, ".gz"),
        "a plain file under a name that says gzip": (None, ".gz"),
        "a plain file under a name that says zstd": (None, ".zst"),
        "gzip with BOM and CRLF inside": (_gzip, ".gz"),
    }
    for at, (odd, (pack, suffix)) in enumerate(packed.items(), start=1):
        if kind not in (CORE[0], NAND[0]) and kind not in kinds_in_turn(at):
            continue  # all of them in two kinds, some in the others
        label = f"{SOUND} {number}{at:02d}"
        sheet = _sheet(kind, label)
        content = sheet.content
        if "BOM" in odd:
            sheet = Sheet(kind, label, line_break="\r\n").head().row().row()
            content = b"\xef\xbb\xbf" + sheet.content
        name = f"{slug(SOUND)}/{slug(label)}" + (f"/{kind.named}" if kind.is_nand else f".{ending}") + suffix
        yield sheet.landed(SOUND, odd, content, packed=pack(content) if pack else None, name=name)


def _broken(kind: OddKind, number: int) -> Iterator[OddFile]:
    plain = _sheet(kind, f"{BROKEN} {number}").content * 40
    sound, zstd = _gzip(plain), _zstd(plain)
    middle = len(sound) // 2
    broken = {
        "gzip cut off after its first two bytes": sound[:2],
        "gzip cut off in its head": sound[:7],
        "gzip cut off after its head": sound[:10],
        "gzip cut off in the middle": sound[:middle],
        "gzip cut off before its checksum": sound[:-8],
        "gzip cut off in its last byte": sound[:-1],
        "gzip with a wrong checksum": sound[:-8] + bytes([sound[-8] ^ 1]) + sound[-7:],
        "gzip with a wrong length": sound[:-4] + bytes([sound[-4] ^ 1]) + sound[-3:],
        "gzip with damaged bytes": sound[:middle] + b"\xff" * 8 + sound[middle + 8 :],
        "gzip with something else behind it": sound + b"something else",
        "gzip with half a member behind it": sound + sound[:middle],
        "gzip of an unknown method": sound[:2] + b"\x07" + sound[3:],
        "zstd cut off after its first four bytes": zstd[:4],
        "zstd cut off in the middle": zstd[: len(zstd) // 2],
        "zstd cut off in its last byte": zstd[:-1],
        "zstd with a block of no known type": zstd[:9] + bytes([zstd[9] | 6]) + zstd[10:],
        "zstd with something else behind it": zstd + b"something else",
    }
    for at, (odd, content) in enumerate(broken.items(), start=1):
        label = f"{BROKEN} {number}{at:02d}"
        suffix = ".gz" if "gzip" in odd else ".zst"
        name = f"{slug(BROKEN)}/{slug(label)}/{kind.named}{suffix}"
        yield failed(kind, BROKEN, label, odd, "", content, name)


def _logs() -> Iterator[OddFile]:
    for at, (odd, pack, suffix) in enumerate(
        (("gzip of a log", _gzip, ".gz"), ("zstd of a log", _zstd, ".zst")), start=1
    ):
        sheet = (
            LogSheet(f"{SOUND} log {at}").talk("# proposer debug log").phase_key().selected().phase_key({"die": "x"})
        )
        name = f"{slug(SOUND)}/log-{at}/{KINDS['nand_proposer_log'].named}{suffix}"
        yield sheet.landed(SOUND, odd, packed=pack(sheet.content), name=name)


def _others() -> Iterator[OddFile]:
    """Compress what is not a file of ours; under our name it is a failure, under another it is ignored.

    UTF-16 is a failure under any name: it is ours in another encoding.
    """
    kind = CORE[0]
    text = Sheet(kind, OTHERS).head().row().text
    tar, archive = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as written:
        member = tarfile.TarInfo("trace.csv")
        member.size = len(text)
        written.addfile(member, io.BytesIO(text.encode()))
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("trace.csv"), text)
    things = {
        "nothing": (b"", "empty"),
        "a BOM": (b"\xef\xbb\xbf", "empty"),
        "a stranger's CSV": (b"date,open,close\n2026-11-22,1,2\n", "header|no column"),
        "a tar": (tar.getvalue(), "header"),
        "a zip": (archive.getvalue(), "header"),
        "UTF-16": (text.encode("utf-16"), "header"),
        "another gzip": (gzip.compress(text.encode(), mtime=0), "header"),
        "another zstd": (_zstd(text.encode()), "header"),
        "a CSV with semicolons": (text.replace(",", ";").encode(), "separated by `;`"),
    }
    for at, (odd, (content, says)) in enumerate(things.items(), start=1):
        for of, packed, suffix in (("gzip", _gzip(content), ".gz"), ("zstd", _zstd(content), ".zst")):
            label = f"{OTHERS} {at} {of}"
            yield failed(
                kind,
                OTHERS,
                label,
                f"{of} of {odd}",
                says,
                packed,
                f"{slug(OTHERS)}/{slug(label)}/{kind.named}{suffix}",
            )
            if "semicolons" not in odd:
                name = f"{slug(OTHERS)}/{slug(label)}.csv{suffix}"
                status = "failed" if odd == "UTF-16" else "ignored"
                yield OddFile(OTHERS, name, f"{of} of {odd}, under another name", packed, status, says="header|empty")
    for at, (odd, content) in enumerate(
        {
            "bzip2": bz2.compress(text.encode()),
            "xz": lzma.compress(text.encode()),
            "zip": archive.getvalue(),
            "zlib": zlib.compress(text.encode()),
            "the first byte of gzip": b"\x1f",
            "the first three bytes of zstd": b"\x28\xb5\x2f",
        }.items(),
        start=1,
    ):
        yield OddFile(OTHERS, f"{slug(OTHERS)}/other-{at}", f"{odd}", content, "ignored", says="header")
