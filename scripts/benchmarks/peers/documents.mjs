// OpenAttestation's own path from documents to proofs: seconds for COUNT wrapped documents.
//
//     node documents.mjs COUNT

import { wrapDocuments } from "@govtechsg/open-attestation";

const documents = Array.from({ length: Number(process.argv[2]) }, (_, number) => ({
  id: `${String(number).padStart(7, "0")}/LATSAR/2026`,
  name: "Pelatihan Dasar Calon Pegawai Negeri Sipil",
  kind: "latsar",
  jp: 40,
  issuedOn: "2026-11-20",
  issuers: [{ name: "Lembaga Uji", documentStore: "0x" + "11".repeat(20), identityProof: { type: "DNS-TXT", location: "example.org" } }],
}));
const began = performance.now();
const wrapped = wrapDocuments(documents);
const seconds = (performance.now() - began) / 1000;
if (wrapped.length !== documents.length || wrapped[0].signature.proof.length === 0) throw new Error("no proofs");
console.log(JSON.stringify({ seconds }));
