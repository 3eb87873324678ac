"""The report as one HTML file without scripts, drawn from the report's JSON and from nothing else."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any

from verifier.audit import plots
from verifier.audit.findings import WITHOUT_END, Severity, in_words
from verifier.audit.run import BUCKETS
from verifier.verdict.days import date_of, day_of
from verifier.verdict.verdict import EXIT_CODES, Verdict
from verifier.verdict.words import Language, Saying, date_time

EXIT_OF = {"sound": EXIT_CODES[Verdict.VALID], "broken": EXIT_CODES[Verdict.INVALID], "open": 4}
MOST_ROWS = 400
# A picture holds a year of a hundred issuers; the tables count all.
MOST_DAYS, MOST_ISSUERS = 366, 100
LONGEST_WORD = 32
_STATUSES = ("suspended", "superseded", "revoked")
_BUCKETS = ("earlier", *(name for _, name in BUCKETS))

WORDS: dict[str, Saying] = {
    "title": Saying("Laporan audit Jangkar", "Jangkar audit report"),
    "sound": Saying("TANPA PELANGGARAN", "NO BREACH FOUND"),
    "broken": Saying("ADA PELANGGARAN", "BREACHES FOUND"),
    "open": Saying("BELUM SELESAI DIPERIKSA", "NOT ALL COULD BE CHECKED"),
    "sound-means": Saying(
        "Setiap aturan yang dapat diperiksa dari rantai dan berkas ini dipatuhi.",
        "Every rule that can be checked from this chain and these files was kept.",
    ),
    "broken-means": Saying(
        "Satu aturan atau lebih dilanggar. Rinciannya di bawah.", "One rule or more was broken. Details stand below."
    ),
    "open-means": Saying(
        "Tidak ada pelanggaran, tetapi sebagian tidak dapat dibaca.", "No breach, but some of it could not be read."
    ),
    "what": Saying("Apa yang diaudit", "What was audited"),
    "findings": Saying("Temuan", "Findings"),
    "none": Saying("Tidak ada.", "None."),
    "more": Saying("dan {count} lagi, dalam JSON", "and {count} more, in the JSON"),
    "calendar": Saying("Kalender penjangkaran", "Anchoring calendar"),
    "calendar-means": Saying(
        "Hijau: dijangkar. Abu-abu: malam ditutup kosong. Merah: malam yang terlewat. Tanggal menurut WIB.",
        "Green: anchored. Grey: an empty night, closed. Red: a missed night. Dates are in Western Indonesia Time.",
    ),
    "sizes": Saying("Ukuran kumpulan", "Batch sizes"),
    "reconcile": Saying("Kecocokan berkas dengan rantai", "Files against the chain"),
    "statuses": Saying("Status dari waktu ke waktu", "Statuses over time"),
    "dates": Saying("Tanggal tercetak terhadap waktu blok", "Printed date against block time"),
    "dates-means": Saying(
        "Sertifikat menurut lamanya antara tanggal tercetak dan penjangkaran. Waktu blok adalah satu-satunya bukti "
        "waktu. Kosong bila entri tidak dibuka untuk auditor.",
        "Certificates by the time from printed date to anchoring. Block time is the only evidence of time. "
        "Empty where the entries were not opened to the auditor.",
    ),
    "keys": Saying("Kunci dan akreditasi", "Keys and accreditations"),
    "sample": Saying("Sampel acak", "Random sample"),
    "sample-means": Saying(
        "Diambil dari benih auditor dan titik periksa log, sehingga tidak dapat dipilih siapa pun. Setiap panggilan "
        "dapat diulang dengan alat EVM apa pun.",
        "Drawn from the auditor's seed and the log's checkpoint, so that nobody chooses it. Each call can be "
        "repeated with any EVM tool.",
    ),
    "issuer": Saying("Penerbit", "Issuer"),
    "weight": Saying("Bobot", "Weight"),
    "finding": Saying("Temuan", "Finding"),
    "where": Saying("Tempat", "Where"),
    "day": Saying("Tanggal", "Day"),
    "size": Saying("Sertifikat", "Certificates"),
    "batch": Saying("Kumpulan", "Batch"),
    "manifests": Saying("Manifes terbaca", "Manifests read"),
    "roots": Saying("Akar cocok", "Roots equal"),
    "opened": Saying("Entri dibuka", "Entries opened"),
    "anchored": Saying("Dijangkar", "Anchored"),
    "closed": Saying("Ditutup kosong", "Closed empty"),
    "missed": Saying("Terlewat", "Missed"),
    "suspended": Saying("Ditangguhkan", "Suspended"),
    "superseded": Saying("Digantikan", "Superseded"),
    "revoked": Saying("Dicabut", "Revoked"),
    "earlier": Saying("Dijangkar lebih dahulu", "Anchored before it"),
    "same-day": Saying("Hari yang sama", "Same day"),
    "week": Saying("1-7 hari", "1 to 7 days"),
    "month": Saying("8-31 hari", "8 to 31 days"),
    "year": Saying("32-365 hari", "32 to 365 days"),
    "longer": Saying("Lebih lama", "Longer"),
    "longest": Saying("Terlama (hari)", "Longest (days)"),
    "key": Saying("Kunci", "Key"),
    "from": Saying("Sejak", "From"),
    "until": Saying("Sampai", "Until"),
    "custody": Saying("Pemegang", "Held by"),
    "stolen": Saying("Dinyatakan dicuri sejak", "Declared stolen since"),
    "answer": Saying("Jawaban registri", "The registry's answer"),
    "call": Saying("Panggilan", "Call"),
    "breach": Saying("pelanggaran", "breach"),
    "unknown": Saying("tidak diketahui", "unknown"),
    "remark": Saying("catatan", "remark"),
    "entry": Saying("entri log", "log entry"),
    "registry": Saying("Registri", "Registry"),
    "block": Saying("Blok", "Block"),
    "log": Saying("Log (entri, akar)", "Log (entries, root)"),
    "previous": Saying("Audit sebelumnya", "Last audit"),
    "issuers": Saying("Penerbit", "Issuers"),
    "anchors": Saying("Kumpulan terjangkar", "Anchored batches"),
    "certificates": Saying("Sertifikat", "Certificates"),
    "leaves_recomputed": Saying("Daun yang dihitung ulang", "Leaves recomputed"),
    "entries_opened": Saying("Entri yang dibuka", "Entries opened"),
    "entries": Saying("Entri log", "Log entries"),
    "words": Saying("Kata penyimpanan yang dibandingkan", "Words of storage compared"),
    "closed_nights": Saying("Malam kosong yang ditutup", "Empty nights closed"),
    "details": Saying("Tabel", "Table"),
    "digest": Saying("SHA-256 laporan JSON", "SHA-256 of the JSON report"),
    "nodes": Saying("Node yang sepakat", "Nodes that agree"),
}

STYLE = """:root{color-scheme:light;--line:#c8d0d8}
body{font:16px/1.5 system-ui,sans-serif;color:#17202a;max-width:62rem;margin:auto;padding:1rem;overflow-wrap:break-word}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
.sound{border-left:.5rem solid #0b6b36;padding-left:1rem}.broken{border-left:.5rem solid #a3161f;padding-left:1rem}
.open{border-left:.5rem solid #8a5200;padding-left:1rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{border:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:#f4f6f8}td.n{text-align:right}td.h{font:.75rem/1.4 ui-monospace,monospace;word-break:break-all}
svg{width:100%;height:auto;font:11px ui-monospace,monospace;fill:#17202a}
.anchored,.whole{fill:#5aa97a}.closed{fill:#b3bec9}.missed,.none{fill:#d9717a}.part{fill:#e6b566}.mark{fill:#0b4f8a}
.grid{stroke:#dde3e8}polyline{fill:none;stroke-width:2}
polyline.suspended{stroke:#8a5200}polyline.superseded{stroke:#0b4f8a}polyline.revoked{stroke:#a3161f}
summary{cursor:pointer;padding:.4rem 0}
@media print{details>*{display:block}body{max-width:none}}"""


def outcome(report: dict[str, Any]) -> str:
    """The audit in one word: sound, broken, or open where something could not be checked."""
    weights = {finding["weight"] for finding in report["findings"]}
    return "broken" if Severity.BREACH in weights else "open" if Severity.UNKNOWN in weights else "sound"


def render(report: dict[str, Any], digest: str, language: Language) -> str:
    """The whole page. `digest` is that of the JSON file beside it."""
    return _Page(report, digest, language).render()


class _Page:
    def __init__(self, report: dict[str, Any], digest: str, language: Language) -> None:
        self._report = report
        self._digest = digest
        self._language = language
        self._names: dict[str, str] = {issuer["id"]: issuer["name"] or issuer["id"][:8] for issuer in report["issuers"]}
        self._of_several = len(report["logs"]) > 1
        self._days = _span(
            [batch["day"] for issuer in report["issuers"] for batch in issuer["batches"]]
            + [day for issuer in report["issuers"] for day in issuer["closed_nights"]]
        )

    def render(self) -> str:
        result = outcome(self._report)
        title = f"<h1>{self._say('title')}: {self._say(result)}</h1><p>{self._say(result + '-means')}</p>"
        parts = [
            f'<section class="{result}">{title}</section>',
            self._what(),
            self._findings(),
            self._calendar(),
            self._sizes(),
            self._reconcile(),
            self._statuses(),
            self._dates(),
            self._keys(),
            self._sample(),
        ]
        return (
            f'<!doctype html><html lang="{self._language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{self._say('title')}</title><style>{STYLE}</style></head>"
            f"<body><main>{''.join(parts)}</main></body></html>\n"
        )

    def _what(self) -> str:
        report, block = self._report, self._report["block"]
        rows: list[Sequence[object]] = [
            (self._say("block"), f"{block['number']}, {block['hash']}, {self._time(block['time'])}"),
            (self._say("nodes"), f"{report['nodes']}"),
        ]
        for log in report["logs"]:
            previous = log["previous"]
            rows += [
                (self._say("registry"), f"{log['registry']} ({report['chain_id']})"),
                (self._say("log"), f"{log['size']}, {log['root']}"),
                (self._say("previous"), f"{previous['size']}, {previous['root']}" if previous else "-"),
            ]
        rows += [(self._say(name), f"{count:,}") for name, count in report["counts"].items()]
        rows.append((self._say("digest"), self._digest))
        return self._section("what", _table((), rows))

    def _findings(self) -> str:
        found = sorted(self._report["findings"], key=lambda finding: list(Severity).index(finding["weight"]))
        if not found:
            return self._section("findings", f"<p>{self._say('none')}</p>")
        rows = [
            (
                self._say(finding["weight"]),
                self._name(finding["issuer"]),
                self._subject(finding),
                self._in_words(finding),
            )
            for finding in found[:MOST_ROWS]
        ]
        more = len(found) - MOST_ROWS
        said = f"<p>{WORDS['more'].in_(self._language, {'count': more})}</p>" if more > 0 else ""
        return self._section("findings", _table(self._heads("weight", "issuer", "where", "finding"), rows) + said)

    def _in_words(self, finding: dict[str, Any]) -> str:
        return f"{in_words(finding, self._language)} [{finding['name']}]"

    def _subject(self, finding: dict[str, Any]) -> str:
        said = [finding["registry"]] if self._of_several else []
        if finding["sequence"] is not None:
            said.append(f"{self._say('batch')} {finding['sequence']}")
        elif finding["entry"] is not None:
            said.append(f"{self._say('entry')} {finding['entry']}")
        return " ".join(said)

    def _numbered(self, registry: str, number: object) -> object:
        """A batch's number; with its registry, where there are several, for each of them counts from 1."""
        return f"{registry} {number}" if self._of_several else number

    def _calendar(self) -> str:
        missed: dict[str, list[str]] = {}
        for finding in self._report["findings"]:
            if finding["name"] == "missed-night":
                missed.setdefault(finding["issuer"], []).append(finding["values"]["night"])
        rows, table = [], []
        for issuer in self._report["issuers"]:
            anchored = [batch["day"] for batch in issuer["batches"]]
            gone = missed.get(issuer["id"], [])
            marks = dict.fromkeys(issuer["closed_nights"], "closed") | dict.fromkeys(anchored, "anchored")
            rows.append((self._names[issuer["id"]], marks | dict.fromkeys(gone, "missed")))
            table.append(
                (self._names[issuer["id"]], len(set(anchored)), len(issuer["closed_nights"]), ", ".join(gone) or 0)
            )
        days = _span([*self._days, *(day for gone in missed.values() for day in gone)])
        picture = plots.calendar(days[-MOST_DAYS:], rows[:MOST_ISSUERS], self._say("calendar"))
        return self._section(
            "calendar", picture, _table(self._heads("issuer", "anchored", "closed", "missed"), table), means=True
        )

    def _sizes(self) -> str:
        batches = [(issuer, batch) for issuer in self._report["issuers"] for batch in issuer["batches"]]
        picture = plots.bars(self._days, [(batch["day"], batch["size"]) for _, batch in batches], self._say("sizes"))
        rows = [
            (
                self._names[issuer["id"]],
                self._numbered(batch["registry"], batch["sequence"]),
                batch["day"],
                batch["size"],
            )
            for issuer, batch in batches
        ]
        return self._section("sizes", picture, self._cut(self._heads("issuer", "batch", "day", "size"), rows))

    def _reconcile(self) -> str:
        rows = []
        for issuer in self._report["issuers"]:
            batches = issuer["batches"]
            certificates = sum(batch["size"] for batch in batches)
            cells = (
                (sum(batch["manifest"] for batch in batches), len(batches)),
                (sum(batch["root"] for batch in batches), len(batches)),
                (sum(batch["opened"] for batch in batches), certificates),
            )
            rows.append((self._names[issuer["id"]], cells))
        heads = self._heads("manifests", "roots", "opened")
        table = [(name, *(f"{done:,} / {of:,}" for done, of in cells)) for name, cells in rows]
        picture = plots.matrix(heads, rows[:MOST_ISSUERS], self._say("reconcile"))
        return self._section("reconcile", picture, _table((self._say("issuer"), *heads), table))

    def _statuses(self) -> str:
        changes = {day["day"]: day for day in self._report["statuses"]}
        # From the day before the first change, when there was nothing, to the report's own day.
        last = date_of(day_of(self._report["block"]["time"]))
        days = _span([*changes, _before(min(changes)), last]) if changes else []
        current: dict[str, int] = dict.fromkeys(_STATUSES, 0)
        series: dict[str, list[int]] = {name: [] for name in _STATUSES}
        for day in days:
            current = changes.get(day, current)
            for name in _STATUSES:
                series[name].append(current[name])
        lines = [(name, self._say(name), values) for name, values in series.items()]
        picture = plots.steps(days, lines, self._say("statuses"))
        rows = [(day["day"], *(day[name] for name in _STATUSES)) for day in self._report["statuses"]]
        return self._section("statuses", picture, self._cut(self._heads("day", *_STATUSES), rows))

    def _dates(self) -> str:
        rows = [
            (
                self._names[issuer["id"]],
                *(issuer["dates"].get(name, "") for name in _BUCKETS),
                issuer["dates"].get("longest_days", ""),
            )
            for issuer in self._report["issuers"]
        ]
        return self._section("dates", _table(self._heads("issuer", *_BUCKETS, "longest"), rows), means=True)

    def _keys(self) -> str:
        rows: list[Sequence[object]] = []
        for issuer in self._report["issuers"]:
            name = self._names[issuer["id"]]
            rows += [
                (name, "", self._time(window["from"]), self._time(window["until"]), "", "")
                for window in issuer["windows"]
            ]
            for key in issuer["keys"]:
                stolen = self._time(key["compromised_since"]) if key["compromised_since"] else ""
                span = (self._time(key["from"]), self._time(key["until"]))
                rows.append((name, key["address"], *span, key["custody"], stolen))
        return self._section(
            "keys", self._cut(self._heads("issuer", "key", "from", "until", "custody", "stolen"), rows)
        )

    def _sample(self) -> str:
        rows = [
            (
                self._name(certificate["issuer"]),
                self._numbered(certificate["call"]["to"], f"{certificate['sequence']}/{certificate['index']}"),
                certificate["answer"],
                certificate["cast"],
            )
            for certificate in self._report["sample"]["certificates"]
        ]
        return self._section("sample", self._cut(self._heads("issuer", "batch", "answer", "call"), rows), means=True)

    def _section(self, name: str, *bodies: str, means: bool = False) -> str:
        said = f"<p>{self._say(name + '-means')}</p>" if means else ""
        return f'<section id="{name}"><h2>{self._say(name)}</h2>{said}{"".join(bodies)}</section>'

    def _cut(self, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
        """A table behind a line that opens it, with its first rows where there are very many."""
        more = len(rows) - MOST_ROWS
        said = f"<p>{WORDS['more'].in_(self._language, {'count': more})}</p>" if more > 0 else ""
        return (
            f"<details open><summary>{self._say('details')}</summary>{_table(heads, rows[:MOST_ROWS])}{said}</details>"
        )

    def _heads(self, *names: str) -> tuple[str, ...]:
        return tuple(self._say(name) for name in names)

    def _say(self, name: str) -> str:
        return WORDS[name].in_(self._language)

    def _name(self, issuer: str) -> str:
        return self._names.get(issuer, issuer)

    def _time(self, seconds: int) -> str:
        return date_time(seconds, self._language) if seconds < WITHOUT_END else "-"


def _table(heads: Iterable[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in heads)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f'<td class="n">{value:,}</td>'
    text = str(value)
    # What has no space to break at would make its column as wide as the page.
    kind = ' class="h"' if max(map(len, text.split()), default=0) > LONGEST_WORD else ""
    return f"<td{kind}>{escape(text)}</td>"


def _before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _span(days: Sequence[str]) -> list[str]:
    """Every day from the first to the last."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
