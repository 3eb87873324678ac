"""What checks and verdicts say to a person, in Indonesian and in English."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from verifier.chain.facts import LAST_TIME, LeftOut, Remark
from verifier.errors import plain
from verifier.verdict import days
from verifier.verdict.ask import Original
from verifier.verdict.checks import Check
from verifier.verdict.verdict import Verdict

Language = Literal["id", "en"]
LANGUAGES: tuple[Language, ...] = ("id", "en")

_MONTHS = (
    "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()  # noqa: SIM905
)


class Saying(NamedTuple):
    """One text in both languages."""

    id: str
    en: str

    def in_(self, language: Language, values: Mapping[str, Any] | None = None) -> str:
        """The text in one language, with its values filled in."""
        return self.template(language).format_map(values or {})

    def template(self, language: Language) -> str:
        """The text in one language, with its blanks."""
        return self.id if language == "id" else self.en


VERDICTS: dict[Verdict, Saying] = {
    Verdict.VALID: Saying("ASLI dan berlaku", "GENUINE and in force"),
    Verdict.RECORDED: Saying("TERCATAT", "RECORDED"),
    Verdict.REVOKED: Saying("DICABUT", "REVOKED"),
    Verdict.SUSPENDED: Saying("DITANGGUHKAN", "SUSPENDED"),
    Verdict.SUPERSEDED: Saying("DIGANTIKAN", "SUPERSEDED"),
    Verdict.EXPIRED: Saying("KEDALUWARSA", "EXPIRED"),
    Verdict.UNTRUSTED: Saying("TIDAK DAPAT DIPERCAYA", "NOT TO BE TRUSTED"),
    Verdict.MODIFIED: Saying("DIUBAH SETELAH TERBIT", "ALTERED AFTER ISSUE"),
    Verdict.INVALID: Saying("TIDAK SAH", "INVALID"),
    Verdict.NOT_FOUND: Saying("TIDAK DITEMUKAN", "NOT FOUND"),
    Verdict.PENDING: Saying("MENUNGGU PENJANGKARAN", "WAITING TO BE ANCHORED"),
    Verdict.UNDETERMINED: Saying("BELUM DAPAT DIPERIKSA", "COULD NOT BE CHECKED"),
}

EXPLANATIONS: dict[Verdict, Saying] = {
    Verdict.VALID: Saying(
        "Isi berkas sama dengan yang dicatat oleh {issuer} pada {time}.",
        "The file is the one that {issuer} recorded on {time}.",
    ),
    Verdict.RECORDED: Saying(
        "Kode ini terdaftar atas nama {issuer}. Cocokkan data di bawah, atau unggah berkasnya untuk memastikan "
        "keaslian.",
        "This code is registered by {issuer}. Compare the data below, or upload the file to be sure that it is "
        "genuine.",
    ),
    Verdict.REVOKED: Saying(
        "Pernah diterbitkan oleh {issuer}, dan telah dicabut. Tidak berlaku.",
        "Once issued by {issuer}, and revoked since. Not in force.",
    ),
    Verdict.SUSPENDED: Saying(
        "Diterbitkan oleh {issuer}, dan sedang ditangguhkan. Saat ini tidak berlaku.",
        "Issued by {issuer}, and suspended. Not in force at present.",
    ),
    Verdict.SUPERSEDED: Saying(
        "Diterbitkan oleh {issuer}, dan telah digantikan oleh versi baru. Minta versi yang baru.",
        "Issued by {issuer}, and replaced by a newer version. Ask for that one.",
    ),
    Verdict.EXPIRED: Saying(
        "Asli, diterbitkan oleh {issuer}, tetapi masa berlakunya telah habis.",
        "Genuine, issued by {issuer}, but its time has run out.",
    ),
    Verdict.UNTRUSTED: Saying(
        "Dijangkar dengan kunci {issuer} yang dinyatakan jatuh ke tangan lain, dan belum disahkan ulang. Tanyakan "
        "kepada penerbitnya.",
        "Anchored with a key of {issuer} that was declared to be in wrong hands, and not re-attested. Ask the issuer.",
    ),
    Verdict.MODIFIED: Saying(
        "Berkas ini memuat sertifikat yang dicatat oleh {issuer}, tetapi isinya ditambah atau diubah sesudahnya. "
        "Jangan percaya tampilannya; minta berkas aslinya.",
        "This file holds a certificate that {issuer} recorded, but it was added to or altered afterwards. Do not rely "
        "on what it shows; ask for the original file.",
    ),
    Verdict.INVALID: Saying(
        "Berkas dan tanda terimanya tidak cocok dengan catatan pada rantai blok. Jangan dipercaya.",
        "The file and its receipt do not agree with what stands on chain. Do not rely on it.",
    ),
    Verdict.NOT_FOUND: Saying(
        "Berkas ini tidak cocok dengan catatan mana pun. Hasil pindai, foto, atau berkas yang disimpan ulang tidak "
        "dapat dicocokkan; minta berkas aslinya.",
        "This file matches no record. A scan, a photo or a file that was saved again cannot be matched; ask for the "
        "original file.",
    ),
    Verdict.PENDING: Saying(
        "Sudah diterima; akan dicatat pada rantai blok malam ini.",
        "Accepted; it will be recorded on chain tonight.",
    ),
    Verdict.UNDETERMINED: Saying(
        "Pemeriksaan belum selesai. Ini bukan tanda asli dan bukan tanda palsu; lihat alasannya di bawah.",
        "The check could not be completed. This says neither genuine nor forged; the reason stands below.",
    ),
}

REASONS: dict[str, Saying] = {
    "no-file": Saying("Tidak ada berkas yang diperiksa, hanya kodenya.", "No file was given, only its code."),
    "same-file": Saying(
        "Isi berkas sama dengan yang disebut tanda terima.", "The file is the one that the receipt names."
    ),
    "other-file": Saying(
        "Isi berkas berbeda dari yang disebut tanda terima: berkas diubah, atau tanda terimanya milik berkas lain.",
        "The file is not the one that the receipt names: it was altered, or the receipt belongs to another file.",
    ),
    "earlier-revision": Saying(
        "Tanda terima ini milik berkas sebelum ditambah, diubah, atau dipotong.",
        "The receipt belongs to this file as it was before it was added to, altered or cut.",
    ),
    "unreadable": Saying("Tidak dapat dibaca: {detail}.", "Could not be read: {detail}."),
    "no-anchor-to-compare": Saying("Tidak ada jangkar untuk dibandingkan.", "There is no anchor to compare with."),
    "bad-path": Saying(
        "Jalur bukti tidak sesuai dengan kumpulan ini: {detail}.", "The proof does not fit this batch: {detail}."
    ),
    "other-root": Saying(
        "Jalur bukti tidak menuju akar yang tercatat pada rantai blok.",
        "The proof does not lead to the root that stands on chain.",
    ),
    "included": Saying(
        "Sertifikat ini termasuk dalam kumpulan berisi {size} sertifikat.",
        "The certificate is one of the {size} of its batch.",
    ),
    "other-registry": Saying(
        "Tanda terima menunjuk registri lain ({registry}, rantai {chain}), yang tidak dipercaya di sini.",
        "The receipt names another registry ({registry}, chain {chain}), which is not trusted here.",
    ),
    "stale-head": Saying(
        "Yang terbaca berakhir {age} detik yang lalu; catatan yang lebih baru belum terlihat.",
        "What could be read ends {age} seconds ago; newer records cannot be seen.",
    ),
    "no-anchor": Saying(
        "Registri tidak mempunyai jangkar bernomor {sequence} dari penerbit ini.",
        "The registry holds no anchor number {sequence} of this issuer.",
    ),
    "not-final": Saying("Blok {block} belum final.", "Block {block} is not final yet."),
    "anchored": Saying("Dijangkar di blok {block} pada {time}.", "Anchored in block {block} on {time}."),
    "other-issuer": Saying(
        "Dijangkar oleh {issuer} ({id}), bukan oleh penerbit yang ditanyakan.",
        "Anchored by {issuer} ({id}), not by the issuer that was asked for.",
    ),
    "not-accredited": Saying(
        "{issuer} tidak terakreditasi pada waktu penjangkaran.", "{issuer} was not accredited when this was anchored."
    ),
    "key-not-active": Saying(
        "Kunci yang dipakai {issuer} tidak aktif pada waktu itu.",
        "The key that {issuer} used was not active at that time.",
    ),
    "key-compromised": Saying(
        "Kunci yang dipakai dinyatakan jatuh ke tangan lain sejak {time}, dan penjangkaran ini belum disahkan ulang.",
        "The key that was used is declared to have been in wrong hands since {time}, and this anchor was not "
        "re-attested.",
    ),
    "other-profile": Saying(
        "Nama penerbit pada tanda terima ({issuer}) bukan nama yang terdaftar pada rantai blok.",
        "The issuer's name in the receipt ({issuer}) is not the one registered on chain.",
    ),
    "unknown-kind": Saying(
        "Jenis pelatihan {kind} belum dikenal oleh pemeriksa ini; perbarui pemeriksanya.",
        "This verifier does not know the kind of training {kind} yet; update it.",
    ),
    "out-of-scope": Saying(
        "{issuer} tidak terakreditasi untuk jenis pelatihan {kind}.",
        "{issuer} is not accredited for the kind of training {kind}.",
    ),
    "issuer-not-named": Saying(
        "Dijangkar oleh {issuer}, tetapi tidak disebutkan penerbit mana yang diharapkan dan klaim penerbit lain belum "
        "dicari. Sebutkan penerbitnya (--issuer {id}) atau layanannya (--service).",
        "Anchored by {issuer}, but nobody said which issuer to expect, and other issuers' claims on this file were "
        "not looked for. Name the issuer (--issuer {id}) or a service to ask (--service).",
    ),
    "accredited": Saying(
        "{issuer} terakreditasi untuk pelatihan ini pada waktu penjangkaran.",
        "{issuer} was accredited for this training when it was anchored.",
    ),
    "re-attested": Saying(
        "Dijangkar dengan kunci yang kemudian dinyatakan jatuh ke tangan lain, dan disahkan ulang oleh {issuer} pada "
        "{time}.",
        "Anchored with a key that was later declared to be in wrong hands, and re-attested by {issuer} on {time}.",
    ),
    "revoked": Saying("Dicabut pada {time} ({reason}).", "Revoked on {time} ({reason})."),
    "suspended": Saying("Ditangguhkan sejak {time} ({reason}).", "Suspended since {time} ({reason})."),
    "superseded": Saying("Digantikan pada {time} ({reason}).", "Superseded on {time} ({reason})."),
    "unlisted-successor": Saying(
        "Registri ini digantikan oleh {registry}, yang belum tercantum dalam kebijakan pemeriksa ini: pencabutan di "
        "sana tidak terlihat. Perbarui kebijakannya.",
        "This registry is succeeded by {registry}, which this verifier's policy does not list: a revocation there "
        "cannot be seen. Update the policy.",
    ),
    "expired": Saying("Berlaku sampai dengan {time}.", "In force through {time}."),
    "in-force": Saying(
        "Tidak dicabut, ditangguhkan, atau digantikan, menurut blok pada {time}.",
        "Not revoked, suspended or superseded, as of the block of {time}.",
    ),
    "contested": Saying(
        "Lebih dari satu penerbit mengaku menerbitkan berkas ini. Sebutkan penerbit yang tertulis pada sertifikat.",
        "More than one issuer claims this file. Name the issuer that the certificate shows.",
    ),
    "nothing-to-check": Saying(
        "Tidak ada tanda terima dan tidak ada layanan yang ditanya. Berikan tanda terimanya (--receipt) atau "
        "layanannya (--service).",
        "There is no receipt, and no service was asked. Give the receipt (--receipt) or a service (--service).",
    ),
    "malformed-receipt": Saying(
        "Ini bukan tanda terima; ambil kembali: {detail}.",
        "This is no receipt; fetch it again: {detail}.",
    ),
    "service-unavailable": Saying(
        "Layanan tidak dapat ditanya: {detail}.", "The service could not be asked: {detail}."
    ),
}

# Source: docs/spec/registry.md 2.
STATUS_REASONS: dict[int, Saying] = {
    0: Saying("alasan tidak disebutkan", "no reason was given"),
    1: Saying("terbit karena kekeliruan", "issued in error"),
    2: Saying("data pada sertifikat keliru", "wrong data on the certificate"),
    3: Saying("sedang diperiksa", "under investigation"),
    4: Saying("diperoleh dengan kecurangan", "obtained by fraud"),
    5: Saying("diganti versi yang lebih baru", "replaced by a newer version"),
    6: Saying("syarat tidak lagi dipenuhi", "requirement no longer met"),
}
OTHER_REASON = Saying("alasan {code}", "reason {code}")
FROM_BEGINNING = Saying(" Berlaku surut sejak terbit.", " It never was in force.")
BY_REGULATOR = Saying(" Ditetapkan oleh regulator.", " Set by the regulator.")

CHECK_NAMES: dict[str, Saying] = {
    "document": Saying("Isi berkas", "File"),
    "inclusion": Saying("Bukti kumpulan", "Inclusion"),
    "anchor": Saying("Jangkar", "Anchor"),
    "issuer": Saying("Penerbit", "Issuer"),
    "status": Saying("Status", "Status"),
}

OUTCOMES: dict[str, Saying] = {
    "pass": Saying("lulus", "pass"),
    "fail": Saying("gagal", "fail"),
    "unknown": Saying("tidak diketahui", "unknown"),
}

PROVEN = Saying("Tercatat:", "Recorded:")
NOT_PROVEN = Saying("Menurut tanda terima, tidak terbukti:", "According to the receipt, not proven:")
# What stands behind a verdict and is not one of its checks.
REMARKS: dict[str, Saying] = {
    "one-operator": Saying(
        "Rantai ini dijalankan oleh satu operator: catatannya tidak membuktikan apa pun terhadap operator itu sendiri.",
        "This chain is run by one operator: its record proves nothing against that operator.",
    ),
    "several-operators": Saying(
        "Rantai ini dijalankan oleh {operators} operator.", "This chain is run by {operators} operators."
    ),
    "one-node": Saying(
        "Dibaca dari satu node: jawaban ini bergantung pada kejujurannya.",
        "Read from one node: this answer is as honest as that node.",
    ),
    "pinned-block": Saying(
        "Dibaca pada blok yang sidiknya ditetapkan dalam kebijakan, dan terbukti terhadapnya.",
        "Read at the block whose hash the policy pins, and proved against it.",
    ),
    # The printed date is a claim; the block time is the only evidence of time.
    "same-day": Saying(
        "Dijangkar pada hari terbit yang tertulis, {printed}.", "Anchored on the printed day of issue, {printed}."
    ),
    "later": Saying(
        "Dijangkar {days} setelah tanggal terbit yang tertulis, {printed}.",
        "Anchored {days} after the printed day of issue, {printed}.",
    ),
    "much-later": Saying(
        "Dijangkar {days} setelah tanggal terbit yang tertulis, {printed}. Waktu penjangkaran adalah satu-satunya "
        "bukti waktu.",
        "Anchored {days} after the printed day of issue, {printed}. The time of anchoring is the only evidence of "
        "time.",
    ),
    "earlier": Saying(
        "Dijangkar {days} sebelum tanggal terbit yang tertulis, {printed}: tanggal itu belum tiba waktu dijangkar.",
        "Anchored {days} before the printed day of issue, {printed}: that day had not come when it was anchored.",
    ),
    "not-looked-up": Saying(
        "Klaim penerbit lain atas berkas ini tidak dicari.",
        "Other issuers' claims on this file were not looked for.",
    ),
}
# What the public page is sent with an answer only: it has no room for words that it may never need.
FURTHER_REMARKS: dict[str, Saying] = {
    "left-out": Saying("Tidak diikutkan: {nodes}.", "Left out: {nodes}."),
    "several-nodes": Saying(
        "{nodes} node menunjukkan blok yang sama, dan semua data terbukti terhadapnya.",
        "{nodes} nodes show the same block, and everything is proved against it.",
    ),
    "others-claim": Saying(
        "Penerbit lain, yang tidak ditanyakan, juga mengaku menerbitkan berkas ini. Klaimnya tidak menentukan.",
        "Other issuers, who were not asked for, claim this file too. Their claims decide nothing.",
    ),
    "other-block": Saying(
        "Jangkarnya di blok {block}; blok {named} pada tanda terima hanya petunjuk.",
        "The anchor stands in block {block}; block {named} in the receipt is only a hint.",
    ),
    "only-another-file": Saying(
        "Ini bukan berkas milik tanda terima ini: berkasnya disimpan ulang atau diubah, atau tanda terimanya milik "
        "berkas lain. Minta berkas seperti saat dikirim.",
        "This is not the file that this receipt belongs to: it was saved again or altered, or the receipt is another "
        "file's. Ask for the file as it was sent.",
    ),
    "only-others": Saying(
        "Hanya penerbit lain, yang tidak ditanyakan, mengaku menerbitkan berkas ini. Klaimnya tidak menentukan.",
        "Only other issuers, who were not asked for, claim this file. Their claims decide nothing.",
    ),
    "agreeing-nodes": Saying(
        "{nodes} node memberi jawaban yang sama pada blok yang sama.",
        "{nodes} nodes gave the same answers at the same block.",
    ),
    "pinned-bundle": Saying(
        "Dibaca dari berkas riwayat bersidik {digest}, tanpa jaringan. Umur yang diketahui: {age}.",
        "Read from the bundle of digest {digest}, without a network. The age of what it knows: {age}.",
    ),
    "added-behind": Saying(
        "Berkas asli, {kept} byte, ada utuh di awal berkas ini; {added} byte ditambahkan sesudah terbit.",
        "The original, {kept} bytes, stands whole at the beginning of this file; {added} bytes were added after issue.",
    ),
    "added-blank": Saying(
        "Berkas asli, {kept} byte, ada utuh di awal berkas ini; hanya {added} byte kosong (spasi) ditambahkan.",
        "The original, {kept} bytes, stands whole at the beginning of this file; only {added} blank bytes follow.",
    ),
    "added-before": Saying(
        "Berkas asli, {kept} byte, ada utuh di akhir berkas ini; {added} byte ditambahkan di depannya.",
        "The original, {kept} bytes, stands whole at the end of this file; {added} bytes were put in front of it.",
    ),
    "cut-off": Saying(
        "Hanya akhir baris terakhir yang hilang dari berkas asli, {kept} byte.",
        "Only the last line end of the original, {kept} bytes, is missing.",
    ),
    "anchored-later": Saying(
        "Sertifikat ini baru dijangkar sesudah waktu itu.", "This certificate was anchored only after that time."
    ),
    "at-instant": Saying("Keadaan pada {time}:", "As of {time}:"),
    "accredited-then": Saying("Penerbitnya terakreditasi pada waktu itu.", "Its issuer was accredited at that time."),
    "not-accredited-then": Saying(
        "Penerbitnya tidak terakreditasi pada waktu itu.", "Its issuer was not accredited at that time."
    ),
    "known-otherwise": Saying(
        "Menurut catatan yang sudah ada pada waktu itu: {verdict}. Yang berikut memakai semua yang diketahui kini.",
        "By what the registry had recorded at that time: {verdict}. What follows uses all that is known now.",
    ),
}
MUCH_LATER_DAYS = 31


LEFT_OUT = {
    "behind": Saying("{node} tertinggal di blok {block}", "{node} is behind, at block {block}"),
    "elsewhere": Saying("{node} menunjukkan blok {block} yang lain", "{node} shows another block {block}"),
    "silent": Saying("{node} tidak menjawab seperti seharusnya", "{node} did not answer as it should"),
    "resting": Saying("{node} tidak ditanya: baru saja gagal menjawab", "{node} was not asked: it failed a moment ago"),
    "same": Saying("{node} menyebut dirinya sama dengan node lain", "{node} calls itself the same as another node"),
}


def left_out(nodes: Sequence[LeftOut], language: Language) -> Remark:
    """Which of the policy's nodes the answer does not stand on, and why."""
    said = [LEFT_OUT[one.why].in_(language, one._asdict()) for one in nodes]
    return Remark("left-out", {"nodes": plain("; ".join(said))})


def original(found: Original) -> Remark:
    """What was done to the issued file, where it still stands in the one at hand."""
    place = found.place
    kept = place.end - place.start + len(place.behind)
    name = (
        "cut-off"
        if place.behind
        else "added-before"
        if place.start
        else "added-blank"
        if found.is_blank
        else "added-behind"
    )
    return Remark(name, {"kept": kept, "added": found.length - (place.end - place.start)})


def date_time(seconds: int, language: Language) -> str:
    """An instant in words, in Western Indonesia Time; in UTC, or in seconds since 1970, where no date there says it."""
    if seconds > days.LAST_SECOND:
        return str(seconds)
    moment, zone = days.utc(seconds), "UTC"
    if seconds <= LAST_TIME:
        moment, zone = moment.astimezone(days.WIB), "WIB"
    if language == "id":
        return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year} pukul {moment:%H.%M} {zone}"
    return f"{moment.day} {moment:%B %Y} at {moment:%H:%M} {zone}"


def until(seconds: int, language: Language) -> str:
    """Through when what ends at an instant holds: its last day in the zone where it ends there, else the instant."""
    last = days.last_day(seconds)
    return date_time(seconds, language) if last is None else f"{day(last[0], language)} ({last[1]})"


_DAY = Saying("hari", "day")
_SPANS = (
    (86_400, _DAY),
    (3_600, Saying("jam", "hour")),
    (60, Saying("menit", "minute")),
    (1, Saying("detik", "second")),
)


def age(seconds: int, language: Language) -> str:
    """A span of time in its largest unit of which there are two."""
    length, unit = next((span for span in _SPANS if seconds >= 2 * span[0]), _SPANS[-1])
    return _counted(max(seconds, 0) // length, unit, language)


def in_days(count: int, language: Language) -> str:
    """A number of days."""
    return _counted(count, _DAY, language)


def _counted(count: int, unit: Saying, language: Language) -> str:
    plural = "s" if language == "en" and count != 1 else ""
    return f"{count} {unit.in_(language)}{plural}"


def lag(printed: str, block_time: int, language: Language) -> Remark:
    """How the printed day of issue lies to the block time."""
    count = days.lag(printed, block_time)
    name = (
        "same-day" if count == 0 else "earlier" if count < 0 else "later" if count < MUCH_LATER_DAYS else "much-later"
    )
    return Remark(name, {"days": in_days(abs(count), language), "printed": day(printed, language)})


def day(text: str, language: Language) -> str:
    """A date of the metadata in words."""
    moment = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007  (a printed date has no zone)
    month = _MONTHS[moment.month - 1] if language == "id" else f"{moment:%B}"
    return f"{moment.day} {month} {moment.year}"


def reason(check: Check, language: Language) -> str:
    """Why a check says what it says."""
    values, more = reason_parts(check, language)
    return REASONS[check.reason].in_(language, values) + more


def reason_parts(check: Check, language: Language) -> tuple[dict[str, Any], str]:
    """What stands in the blanks of a check's reason, and what is added to it."""
    values = dict(check.values)
    if "time" in values:
        spell = until if check.reason == "expired" else date_time
        values["time"] = spell(values["time"], language)
    if "from_beginning" not in values:
        return values, ""
    code = values.pop("reason")
    said = FROM_BEGINNING.in_(language) * values.pop("from_beginning")
    said += BY_REGULATOR.in_(language) * values.pop("by_regulator")
    values["reason"] = STATUS_REASONS.get(code, OTHER_REASON).in_(language, {"code": code})
    return values, said
