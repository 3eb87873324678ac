"""The page's own words, in Indonesian and in English."""

from verifier.verdict.words import Saying

PHRASES: dict[str, Saying] = {
    "title": Saying("Periksa sertifikat pelatihan", "Check a training certificate"),
    "lead": Saying(
        "Pilih berkas PDF sertifikat. Berkasnya tetap di perangkat Anda; hanya sidik digitalnya (SHA-256) dikirim.",
        "Choose the certificate's PDF. The file stays on your device: only its digital fingerprint (SHA-256) is sent.",
    ),
    "lead-upload": Saying(
        "Tanpa JavaScript berkasnya diunggah; hanya sidik digitalnya dihitung, dan berkasnya tidak disimpan.",
        "Without JavaScript the file is uploaded; only its fingerprint is computed, and the file is not kept.",
    ),
    "file": Saying("Berkas sertifikat (PDF)", "Certificate file (PDF)"),
    "receipt": Saying("Tanda terima (.jangkar.json), jika ada", "Receipt (.jangkar.json), if you have it"),
    "check": Saying("Periksa", "Check"),
    "code": Saying("Atau ketik kode pada sertifikat", "Or type the code on the certificate"),
    "look-up": Saying("Cari kode", "Look up"),
    "again": Saying("Periksa sertifikat lain", "Check another certificate"),
    "upload-to-be-sure": Saying("Unggah berkasnya untuk memastikan", "Upload the file to be sure"),
    "recorded-data": Saying("Data yang tercatat", "Recorded data"),
    "claimed-data": Saying("Yang disebut tanda terima (tidak terbukti)", "What the receipt says (not proven)"),
    "do-not-rely": Saying(
        "Data ini tidak terbukti oleh rantai blok. Jangan dipercaya.",
        "The chain does not prove these facts. Do not rely on them.",
    ),
    "compare": Saying("Cocokkan dengan yang tertulis pada sertifikat.", "Compare with what the certificate shows."),
    "five-checks": Saying("Lima pemeriksaan", "The five checks"),
    "path": Saying("Jalur bukti", "The path of the proof"),
    "step-file": Saying("sidik digital berkas", "fingerprint of the file"),
    "step-leaf": Saying("daun: penerbit, berkas, dan data", "leaf: issuer, file and data"),
    "step-siblings": Saying("langkah ke akar", "steps to the root"),
    "step-root": Saying("akar kumpulan", "root of the batch"),
    "file-short": Saying("berkas", "file"),
    "leaf-short": Saying("daun", "leaf"),
    "root-short": Saying("akar", "root"),
    "step-block": Saying("blok", "block"),
    "by-operator": Saying(
        "Kunci penerbit ini dipegang oleh operator, bukan oleh lembaganya sendiri.",
        "This issuer's key is held by the operator, not by the institute itself.",
    ),
    "head": Saying(
        "Dibaca pada blok {block}, {time}, {age} detik sebelum pemeriksaan ini.",
        "Read at block {block}, {time}, {age} seconds before this check.",
    ),
    "save-receipt": Saying("Simpan tanda terima", "Save the receipt"),
    "save-ots": Saying("Simpan sebagai .ots (OpenTimestamps)", "Save as .ots (OpenTimestamps)"),
    "no-ots": Saying(
        "Tanda terima ini tidak dapat dijadikan bukti OpenTimestamps sekarang.",
        "This receipt cannot be made an OpenTimestamps proof now.",
    ),
    "print": Saying("Cetak", "Print"),
    "picture": Saying(
        "Dari berkas ke daun, lalu {steps} langkah ke akar, lalu blok {block}.",
        "From the file to the leaf, then {steps} steps to the root, then block {block}.",
    ),
    "hashing": Saying("Menghitung sidik digital …", "Computing the fingerprint …"),
    "asking": Saying("Memeriksa …", "Checking …"),
    "unreachable": Saying(
        "Layanan ini tidak terjangkau. Berkasnya belum diperiksa. Coba lagi.",
        "This service cannot be reached. The file was not checked. Try again.",
    ),
    "recomputed": Saying(
        "✔ Peramban Anda menghitung ulang daun dan akar: cocok.", "✔ Your browser recomputed leaf and root: they agree."
    ),
    "not-recomputed": Saying(
        "✖ Peramban Anda menghitung ulang daun: tidak menuju akar.",
        "✖ Your browser recomputed the leaf: it does not lead to the root.",
    ),
    "unanchored": Saying(
        "Peramban Anda membaca tanda terimanya; akarnya tidak dapat dibandingkan.",
        "Your browser read the receipt; there is no root to compare with.",
    ),
    "contradiction": Saying(
        "JANGAN DIPERCAYA: jawaban layanan ini bertentangan dengan hitungan peramban Anda.",
        "DO NOT RELY ON THIS: the service's answer contradicts what your browser computed.",
    ),
    "contradiction-title": Saying("judulnya lain dari hasilnya", "its title is not its verdict's"),
    "contradiction-receipt": Saying("tanda terimanya tidak sah", "its receipt is not a sound one"),
    "contradiction-issuer": Saying("penerbitnya lain dari yang terbukti", "its issuer is not the proven one"),
    "contradiction-file": Saying("buktinya milik berkas lain", "its proof is another file's"),
    "contradiction-root": Saying("buktinya tidak menuju akarnya", "its proof does not lead to its root"),
    "receipt-not-text": Saying("Itu bukan tanda terima: bukan teks.", "That is no receipt: it is not a text."),
    "other-language": Saying("English", "Bahasa Indonesia"),
    "meaning": Saying("Arti hasilnya", "What the verdicts mean"),
    "number": Saying("Nomor", "Number"),
    "kind": Saying("Jenis pelatihan", "Kind of training"),
    "issued_on": Saying("Tanggal terbit", "Issued on"),
    "code-field": Saying("Kode", "Code"),
    "title-field": Saying("Pelatihan", "Training"),
    "jp": Saying("Jam pelajaran (JP)", "Lesson hours (JP)"),
    "grade": Saying("Predikat", "Grade"),
    "starts_on": Saying("Mulai", "From"),
    "ends_on": Saying("Sampai", "To"),
    "save-original": Saying("Simpan berkas asli yang ada di dalamnya", "Save the original that stands in it"),
    "valid_until": Saying("Berlaku sampai dengan", "In force through"),
    "issuer": Saying("Penyelenggara", "Issuer"),
    "bad-form": Saying(
        "Formulir tidak lengkap. Pilih berkasnya lagi.", "The form was not complete. Choose the file again."
    ),
    "no-file": Saying(
        "Tidak ada berkas, atau berkasnya kosong (0 byte).", "There was no file, or it was empty (0 bytes)."
    ),
    "too-large": Saying("Berkas terlalu besar; paling besar {limit} MB.", "The file is too large; at most {limit} MB."),
    "receipt-too-large": Saying("Itu bukan tanda terima: terlalu besar.", "That is no receipt: it is too large."),
    "mistyped": Saying(
        "Kode salah ketik. Baca lagi dari sertifikat: 12 huruf dan angka.",
        "The code was mistyped. Read it again from the certificate: 12 letters and digits.",
    ),
    "bad-issuer": Saying(
        "Penerbit yang disebut tidak dikenal bentuknya.", "The issuer that was named is not an issuer id."
    ),
    "too-slow": Saying(
        "Berkas terlalu lama diterima. Coba lagi pada jaringan yang lebih cepat.",
        "The file took too long to arrive. Try again on a faster line.",
    ),
    "too-often": Saying(
        "Terlalu banyak permintaan. Coba lagi sebentar lagi.", "Too many requests. Try again in a moment."
    ),
    "nothing-here": Saying("Halaman ini tidak ada.", "There is no such page."),
    "service-down": Saying(
        "Layanan penerbit tidak dapat ditanya; klaim lain belum dicari.",
        "The issuer's service could not be asked; other claims were not looked for.",
    ),
    "service-resting": Saying(
        "Layanan penerbit tidak ditanya: baru saja gagal menjawab. Klaim lain belum dicari.",
        "The issuer's service was not asked: it failed a moment ago. Other claims were not looked for.",
    ),
    "busy": Saying(
        "Pemeriksaan ini terlalu lama dan belum selesai. Coba lagi sebentar lagi.",
        "This check took too long and is not done. Try again in a moment.",
    ),
    "standalone": Saying("Pemeriksa mandiri", "Verifier in one file"),
    "standalone-lead": Saying(
        "Berkas ini memeriksa sertifikat dengan kebijakan dan node Anda sendiri, tanpa mempercayai server mana pun.",
        "This file checks a certificate against your own policy and node. No server has to be believed.",
    ),
    "policy": Saying("Kebijakan pemeriksa (jangkar-policy.json)", "Your policy (jangkar-policy.json)"),
    "node": Saying(
        "Alamat node, jika bukan yang di kebijakan (harus mengizinkan asal lain: CORS)",
        "Node's address, if not the policy's (it must allow other origins: CORS)",
    ),
    "service": Saying("Alamat layanan penerbit, jika ada", "Issuer's service, if there is one"),
    "issuer-id": Saying("Id penerbit yang diharapkan, jika diketahui", "Id of the issuer that you expect, if known"),
    "not-an-address": Saying("{value} bukan alamat http atau https.", "{value} is no http or https address."),
    "choose-issuer": Saying("Penerbit yang tertulis pada sertifikat", "The issuer that the certificate shows"),
}

# What the page's script says, and why it contradicts an answer.
SCRIPT_WORDS = (
    "hashing", "asking", "unreachable", "recomputed", "not-recomputed", "unanchored", "contradiction", "print",
    "mistyped", "no-file", "receipt-too-large", "receipt-not-text",
)  # fmt: skip
STANDALONE_WORDS = (
    "standalone", "standalone-lead", "file", "receipt", "policy", "node", "service", "issuer-id", "check", "issuer",
    "other-language", "recorded-data", "claimed-data", "compare", "do-not-rely", "five-checks", "path", "step-file",
    "step-leaf", "step-siblings", "step-root", "head", "by-operator", "hashing", "asking", "no-file",
    "receipt-too-large", "receipt-not-text", "not-an-address", "save-original",
)  # fmt: skip
# What it puts into an answer that was made for it, which travels without them.
ANSWER_WORDS = (
    "recorded-data", "claimed-data", "compare", "do-not-rely", "five-checks", "path", "save-receipt", "by-operator",
    "head",
)  # fmt: skip
CONTRADICTIONS = ("title", "receipt", "file", "root", "issuer")

# Fields of the metadata that a visitor compares with the paper, in this order.
SHOWN_FIELDS = ("title", "number", "kind", "jp", "grade", "starts_on", "ends_on", "issued_on", "valid_until", "code")
LABELS = {"title": "title-field", "code": "code-field"}
DAYS = ("issued_on", "starts_on", "ends_on")
