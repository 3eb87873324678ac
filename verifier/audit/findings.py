"""What an audit may find: each by a name of its own, and what it says to a person in Indonesian and in English."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from verifier.chain.facts import Checkpoint
from verifier.history.state import Breach
from verifier.verdict.words import Language, Saying, date_time, in_days


class Severity(StrEnum):
    """What a finding means for the audit: a broken rule, something that could not be checked, or a remark."""

    BREACH = "breach"
    UNKNOWN = "unknown"
    REMARK = "remark"


@dataclass(frozen=True)
class Finding:
    """One finding: its name, the issuer and batch or log entry that it is about, and what fills its blanks.

    Batches and entries are numbered anew in each registry: `registry` is the address of theirs.
    """

    name: str
    issuer: str = ""
    sequence: int | None = None
    entry: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    registry: str = ""

    @property
    def severity(self) -> Severity:
        """What it means for the audit."""
        return UNKNOWNS.get(self.name) or REMARKS.get(self.name) or Severity.BREACH

    def in_(self, language: Language) -> str:
        """The finding in words."""
        return in_words(self.as_json(), language)

    def as_json(self) -> dict[str, Any]:
        """The finding for a program."""
        subject = {
            "registry": self.registry, "issuer": self.issuer, "sequence": self.sequence, "entry": self.entry,
        }  # fmt: skip
        return {"name": self.name, "weight": self.severity, **subject, "values": self.values}


def of_breach(breach: Breach, registry: str) -> Finding:
    """An act of a registry's log that broke a rule."""
    event, values = breach.event, {"detail": breach.detail}
    return Finding(breach.name, event.issuer, entry=event.index, values=values, registry=registry)


def history_forked(seen: Checkpoint, registry: str) -> Finding:
    """A registry's log that does not begin with the one that was seen before."""
    return Finding("history-forked", values={"size": seen.size, "root": seen.root.hex()}, registry=registry)


def in_words(finding: dict[str, Any], language: Language) -> str:
    """A finding of a report in words, its times as dates."""
    values = finding["values"]
    times = {
        name: date_time(values[name], language) if values[name] < WITHOUT_END else NO_END.in_(language)
        for name in TIMES
        if name in values
    }
    counts = {"days": in_days(values["days"], language)} if "days" in values else {}
    return SAYINGS[finding["name"]].in_(language, values | times | counts)


TIMES = ("time", "from", "until", "since")

# Beyond any date that is written: a window without an end.
WITHOUT_END = 2**37
NO_END = Saying("tanpa batas waktu", "no end")
UNKNOWNS = dict.fromkeys(
    ("head-stale", "manifest-unreadable", "call-refuted", "call-unanswered", "unknown-kind"), Severity.UNKNOWN
)
REMARKS = dict.fromkeys(("entries-closed", "closes-no-nights", "dated-later"), Severity.REMARK)

SAYINGS: dict[str, Saying] = {
    # The log, act by act: verifier/history/state.py.
    "time-goes-back": Saying("Waktunya mundur: {detail}.", "Its time goes back: {detail}."),
    "no-issuer": Saying("Perbuatan tanpa penerbit.", "An act of no issuer."),
    "while-paused": Saying(
        "Dilakukan saat registri dijeda: {detail}.", "Done while the registry was paused: {detail}."
    ),
    "after-the-successor": Saying(
        "Dilakukan sesudah registri digantikan: {detail}.", "Done after the registry was succeeded: {detail}."
    ),
    "by-a-key-that-is-not-active": Saying(
        "Dilakukan dengan kunci yang tidak aktif untuk itu: {detail}.",
        "Done with a key that was not active for it: {detail}.",
    ),
    "by-a-closed-window": Saying(
        "Dijangkar saat akreditasinya tertutup: {detail}.", "Anchored while the accreditation was closed: {detail}."
    ),
    "a-window-that-may-not-be": Saying(
        "Akreditasi yang tidak boleh ada, mundur atau tumpang tindih: {detail}.",
        "An accreditation that may not be, back-dated or overlapping: {detail}.",
    ),
    "a-window-closed-backwards": Saying(
        "Akreditasi ditutup surut atau diperpanjang: {detail}.",
        "An accreditation closed backwards, or extended: {detail}.",
    ),
    "a-key-that-may-not-be": Saying("Kunci yang tidak boleh ada: {detail}.", "A key that may not be: {detail}."),
    "a-compromise-moved-later": Saying(
        "Pernyataan kunci dicuri yang tidak boleh: {detail}.", "A declared compromise that may not be: {detail}."
    ),
    "a-gap-in-the-sequence": Saying("Nomor urut melompat: {detail}.", "A gap in the sequence: {detail}."),
    "an-anchor-written-twice": Saying("Jangkar ditulis ulang: {detail}.", "An anchor written again: {detail}."),
    "an-empty-anchor": Saying("Jangkar kosong: {detail}.", "An empty anchor: {detail}."),
    "re-attested-without-need": Saying(
        "Pengesahan ulang yang tidak boleh: {detail}.", "A re-attestation that may not be: {detail}."
    ),
    "a-night-that-may-not-be": Saying(
        "Penutupan malam yang tidak boleh: {detail}.", "A closed night that may not be: {detail}."
    ),
    "a-status-that-may-not-be": Saying("Status yang tidak boleh: {detail}.", "A status that may not be: {detail}."),
    "affirmed-without-need": Saying(
        "Status ditegaskan tanpa alasan: {detail}.", "A status affirmed without need: {detail}."
    ),
    "a-revocation-reopened": Saying("Pencabutan dibuka kembali: {detail}.", "A revocation reopened: {detail}."),
    "a-supersession-reopened": Saying("Penggantian dibuka kembali: {detail}.", "A supersession reopened: {detail}."),
    "superseded-by-nothing": Saying(
        "Digantikan oleh sertifikat yang tidak berlaku: {detail}.",
        "Superseded by a certificate that is not in force: {detail}.",
    ),
    "over-the-regulator": Saying("Keputusan regulator dilangkahi: {detail}.", "The regulator was overruled: {detail}."),
    "too-many-records": Saying("Terlalu banyak perubahan status: {detail}.", "Too many changes of a status: {detail}."),
    "head-stale": Saying(
        "Blok terbaru lebih tua daripada yang diizinkan kebijakan ({time}): yang sesudahnya tidak terlihat.",
        "The newest block is older than the policy allows ({time}): what came after it cannot be seen.",
    ),
    # The log as a whole, and the registry's storage.
    "log-differs": Saying(
        "Peristiwa dari node tidak menuju log pada penyimpanan registri: {detail}.",
        "The node's events do not lead to the log that the registry's storage holds: {detail}.",
    ),
    "history-forked": Saying(
        "Riwayat ini bukan lanjutan dari audit terakhir ({size} entri, akar {root}).",
        "This history does not extend the one of the last audit ({size} entries, root {root}).",
    ),
    "storage-differs": Saying(
        "Penyimpanan registri bukan yang dituju lognya: {what}.",
        "The registry's storage is not what its log leads to: {what}.",
    ),
    # News and alarms of a watch: verifier/audit/watch.py.
    "key-added": Saying("Kunci ditambahkan: {key}, dipegang {custody}.", "Key added: {key}, held by {custody}."),
    "unexpected-key": Saying(
        "Kunci yang tidak disangka: {key}, dipegang {custody}.", "An unexpected key: {key}, held by {custody}."
    ),
    "window-opened": Saying(
        "Akreditasi dibuka dari {from} sampai {until}.", "Accreditation opened from {from} until {until}."
    ),
    "compromise-declared": Saying(
        "Kunci {key} dinyatakan dicuri sejak {since}.", "Key {key} is declared stolen since {since}."
    ),
    "paused": Saying("Registri dijeda sampai {until}.", "The registry is paused until {until}."),
    "succeeded": Saying("Registri digantikan oleh {registry}.", "The registry is succeeded by {registry}."),
    "unreadable": Saying("Tidak dapat dibaca: {detail}.", "Could not be read: {detail}."),
    # Batches: verifier/audit/batches.py.
    "batch-too-large": Saying(
        "Jangkarnya menyebut {size} sertifikat, lebih dari {most} yang boleh: tak seorang pun dapat menghitungnya.",
        "Its anchor names {size} certificates, more than the {most} that it may: nobody can recompute it.",
    ),
    "manifest-missing": Saying("Manifesnya tidak diterbitkan.", "Its manifest is not published."),
    "manifest-unreadable": Saying("Manifesnya tidak terbaca: {detail}.", "Its manifest could not be read: {detail}."),
    "manifest-malformed": Saying("Manifesnya rusak: {detail}.", "Its manifest is malformed: {detail}."),
    "manifest-of-another-batch": Saying(
        "Kepala manifesnya menyebut {field} lain.", "Its manifest's header names another {field}."
    ),
    "profile-differs": Saying(
        "Nama penerbit pada manifes bukan yang terdaftar.", "The manifest's issuer profile is not the registered one."
    ),
    "size-differs": Saying(
        "Manifes memuat {found} daun; pada rantai tercatat {anchored}.",
        "The manifest holds {found} leaves; {anchored} stand on chain.",
    ),
    "root-differs": Saying(
        "Daun-daunnya menuju akar {found}; pada rantai tercatat {anchored}.",
        "Its leaves lead to root {found}; {anchored} stands on chain.",
    ),
    "leaves-out-of-order": Saying(
        "Daunnya tidak berurutan mulai nomor {index}.", "Its leaves are out of order at {index}."
    ),
    "leaf-anchored-twice": Saying(
        "Daun {leaf} dijangkar juga pada kumpulan {other} di registri {registry}.",
        "Leaf {leaf} is anchored in batch {other} of registry {registry} too.",
    ),
    "root-of-another-issuer": Saying(
        "Akar ini dijangkar lebih dahulu oleh penerbit {other}.", "This root was anchored earlier by issuer {other}."
    ),
    "status-of-no-leaf": Saying(
        "Status ditulis untuk daun {leaf}, yang tidak ada pada manifes mana pun.",
        "A status was written for leaf {leaf}, which stands in no manifest.",
    ),
    "not-superseded": Saying(
        "Daun {successor} menyatakan menggantikan {leaf}, yang pada rantai masih berlaku.",
        "Leaf {successor} says that it supersedes {leaf}, which is still in force on chain.",
    ),
    # Entries, where the institute opens them.
    "entries-closed": Saying(
        "Entrinya tidak dibuka untuk audit ini: tanggal, jenis pelatihan, dan yang digantikannya tidak terlihat.",
        "Its entries were not opened to this audit: dates, kinds of training and what they supersede cannot be seen.",
    ),
    "entries-malformed": Saying("Entrinya rusak: {detail}.", "Its entries are malformed: {detail}."),
    "entry-differs": Saying(
        "Entri {index} bukan milik daunnya: datanya diubah.", "Entry {index} does not give its leaf: it was changed."
    ),
    "metadata-malformed": Saying("Metadata entri {index} rusak: {detail}.", "Metadata of entry {index}: {detail}."),
    "out-of-scope": Saying(
        "Sertifikat {index} berjenis {kind}, di luar akreditasinya.",
        "Certificate {index} is of kind {kind}, out of the accreditation's scope.",
    ),
    "unknown-kind": Saying("Jenis {kind} belum dikenal.", "This auditor does not know the kind {kind}."),
    "back-dated": Saying(
        "Sertifikat {index} bertanggal {printed}, {days} sebelum dijangkar.",
        "Certificate {index} is dated {printed}, {days} before it was anchored.",
    ),
    "dated-later": Saying(
        "Sertifikat {index} bertanggal {printed}, {days} sesudah dijangkar.",
        "Certificate {index} is dated {printed}, {days} after it was anchored.",
    ),
    "anchored-expired": Saying(
        "Sertifikat {index} sudah kedaluwarsa waktu dijangkar.", "Certificate {index} had expired when it was anchored."
    ),
    # Nights and the sample.
    "missed-night": Saying(
        "Malam {night} tidak dijangkar dan tidak ditutup.", "The night of {night} was neither anchored nor closed."
    ),
    "closes-no-nights": Saying(
        "Penerbit ini tidak menutup malam kosong: diamnya tidak berarti apa-apa.",
        "This issuer closes no empty nights: its silence says nothing.",
    ),
    "call-refuted": Saying(
        "Node {node} menyangkal daun {leaf} (indeks {index}), padahal penyimpanan registri membuktikannya.",
        "Node {node} denies leaf {leaf} (index {index}), which the registry's storage proves.",
    ),
    "call-unanswered": Saying("Registri tidak menjawab: {detail}.", "The registry did not answer: {detail}."),
}
