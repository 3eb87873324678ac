"""Makes realistic certificate PDFs of an invented institute, each with its QR, and the CSV that lists them."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

import segno
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

INSTITUTE_CODE = "BPSDM-CONTOH"
INSTITUTE = "BPSDM Provinsi Contoh"
KINDS = ("latsar", "pkp", "pka", "teknis", "fungsional", "lainnya")
ISSUED_ON = "2026-11-20"
COLUMNS = (
    "berkas",
    "nomor_sertifikat",
    "jenis_diklat",
    "nama_pelatihan",
    "jp",
    "predikat",
    "tanggal_mulai",
    "tanggal_selesai",
    "tanggal_terbit",
    "kode",
    "nama",
)

_COURSES = (
    ("pkp", "Pelatihan Kepemimpinan Pengawas Angkatan XII", 40),
    ("pka", "Pelatihan Kepemimpinan Administrator Angkatan VII", 60),
    ("latsar", "Pelatihan Dasar Calon Pegawai Negeri Sipil Golongan III", 511),
    ("teknis", "Pelatihan Teknis Pengadaan Barang dan Jasa Pemerintah", 48),
    ("fungsional", "Pelatihan Fungsional Analis Kebijakan Ahli Muda", 96),
)
_FIRST = (
    "Siti",
    "Budi",
    "Dewi",
    "Agus",
    "Rina",
    "Joko",
    "Putri",
    "Hendra",
    "Maria",
    "Yohanes",
    "Nurul",
    "Wayan",
    "Made",
    "Fatimah",
    "Rizky",
    "Lestari",
    "Markus",
    "Tri",
    "Andi",
    "Ratna",
)
_LAST = (
    "Rahmawati",
    "Santoso",
    "Lestari",
    "Wibowo",
    "Siregar",
    "Nainggolan",
    "Saputra",
    "Hidayat",
    "Kusuma",
    "Pertiwi",
    "Mandagi",
    "Rumbiak",
    "Sudarsono",
    "Anggraini",
    "Pratama",
    "Tanjung",
    "Suryani",
    "Manurung",
    "Utami",
    "Wulandari",
)
_GRADES = ("Sangat Memuaskan", "Memuaskan", "Cukup Memuaskan")
_INK, _BLUE, _GOLD = HexColor("#1c2833"), HexColor("#0b4f8a"), HexColor("#b08d2f")


def make(folder: Path, table: Path, codes: Sequence[str], page_url: str, seed: int = 2026) -> None:
    """Write one PDF for each code into a folder, and the table of them all."""
    chance = random.Random(seed)  # noqa: S311  (names of people who do not exist)
    folder.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number, code in enumerate(codes, start=1):
            kind, course, jp = chance.choice(_COURSES)
            row = {
                "berkas": f"sertifikat-{number:03}.pdf",
                "nomor_sertifikat": f"{number:05}/{kind.upper()}/BPSDM/XI/2026",
                "jenis_diklat": kind,
                "nama_pelatihan": course,
                "jp": jp,
                "predikat": chance.choice(_GRADES),
                "tanggal_mulai": "02-11-2026",
                "tanggal_selesai": "19-11-2026",
                "tanggal_terbit": "20-11-2026",
                "kode": code,
                "nama": f"{chance.choice(_FIRST)} {chance.choice(_LAST)}",
            }
            writer.writerow(row)
            _draw(folder / str(row["berkas"]), row, f"{page_url}/v/{code}".upper())


def list_own(folder: Path, table: Path, names: Sequence[str], codes: Sequence[str]) -> None:
    """Write a table for PDFs that were brought along: their file names become titles."""
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "number", "kind", "title", "issued_on", "code"))
        for number, (name, code) in enumerate(zip(names, codes, strict=True), start=1):
            title = (folder / name).stem[:100].strip() or "PDF"
            writer.writerow((name, f"DEMO/{number:05}/2026", "lainnya", title, ISSUED_ON, code))


def _draw(path: Path, row: dict[str, object], address: str) -> None:
    width, height = landscape(A4)
    canvas = Canvas(str(path), pagesize=(width, height), invariant=True)
    canvas.setTitle(f"Sertifikat {row['nomor_sertifikat']}")
    canvas.setStrokeColor(_GOLD)
    canvas.setLineWidth(4)
    canvas.rect(24, 24, width - 48, height - 48)
    canvas.setLineWidth(1)
    canvas.rect(32, 32, width - 64, height - 64)

    def centred(y: float, text: object, font: str, size: int, colour: HexColor = _INK) -> None:
        canvas.setFillColor(colour)
        canvas.setFont(font, size)
        canvas.drawCentredString(width / 2, y, str(text))

    centred(height - 90, INSTITUTE.upper(), "Helvetica-Bold", 16, _BLUE)
    centred(height - 140, "SERTIFIKAT", "Times-Bold", 40, _GOLD)
    centred(height - 165, f"Nomor: {row['nomor_sertifikat']}", "Helvetica", 11)
    centred(height - 210, "diberikan kepada", "Times-Italic", 14)
    centred(height - 248, row["nama"], "Times-Bold", 28)
    centred(height - 285, "yang telah mengikuti dan lulus", "Times-Italic", 14)
    centred(height - 315, row["nama_pelatihan"], "Helvetica-Bold", 17)
    centred(
        height - 342,
        f"tanggal {row['tanggal_mulai']} sampai dengan {row['tanggal_selesai']}, "
        f"sebanyak {row['jp']} jam pelajaran (JP)",
        "Helvetica",
        12,
    )
    centred(height - 364, f"dengan predikat {row['predikat']}", "Helvetica", 12)

    side = 92.0
    left, bottom = 60.0, 66.0
    modules = [list(line) for line in segno.make(address, error="m", micro=False).matrix]
    module = side / len(modules)
    canvas.setFillColor(HexColor("#000000"))
    for y, line in enumerate(modules):
        for x, dark in enumerate(line):
            if dark:
                canvas.rect(left + x * module, bottom + side - (y + 1) * module, module, module, stroke=0, fill=1)
    canvas.setFillColor(_INK)
    canvas.setFont("Helvetica", 8)
    canvas.drawString(left, bottom - 12, f"Kode {row['kode']}: pindai untuk memeriksa keaslian")

    canvas.setFont("Helvetica", 11)
    canvas.drawString(width - 280, 150, f"Ditetapkan pada {row['tanggal_terbit']}")
    canvas.drawString(width - 280, 134, f"Kepala {INSTITUTE},")
    canvas.setFont("Helvetica-Bold", 11)
    canvas.drawString(width - 280, 72, "Dr. Contoh Pejabat, M.Si.")
    canvas.save()
