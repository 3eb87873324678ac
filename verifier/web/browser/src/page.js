// The public page: hashes the file here, asks for the answer by its digests, and looks at that answer itself.

import { hex } from "./bytes.js";
import { normalise } from "./formats/certificate_code.js";
import { fingerprint } from "./formats/fingerprint.js";
import { contradiction, leads, receiptOf } from "./recompute.js";
import { through } from "./verdict/days.js";

const $ = (selector, root = document) => root.querySelector(selector);
const form = $("#check");
const place = $("#answer");
const language = document.documentElement.lang;
const say = JSON.parse($("#words").textContent);
const trusted = globalThis.trustedTypes?.createPolicy("jangkar", { createHTML: (html) => html }) ?? {
  createHTML: (html) => html,
};

const element = (tag, text) => {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
};

const tell = (text) => {
  const problem = element("p", text);
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  place.replaceChildren(problem);
};

const busy = (text) => place.replaceChildren(element("p", text));

const inDay = (text) =>
  new Date(text).toLocaleDateString(language === "id" ? "id" : "en-GB", { dateStyle: "long", timeZone: "UTC" });

// The data are shown from the receipt whose leaf was recomputed, whatever the server wrote.
const showData = (list, { profile, metadata }) => {
  const shown = { issuer: profile.name, ...metadata };
  for (const name of say.days) if (shown[name]) shown[name] = inDay(shown[name]);
  if (shown.valid_until) shown.valid_until = through(shown.valid_until, inDay, String);
  const known = say.fields.filter(([name]) => shown[name] !== undefined);
  list.replaceChildren(...known.flatMap(([name, label]) => [element("dt", label), element("dd", String(shown[name]))]));
};

// The picture of the path is for who opens it.
const showPath = async (claim, receipt) => {
  const details = $("details", claim);
  if ($(".steps", details)) return;
  const text = decodeURIComponent($("[data-receipt]", claim).href.replace(/^[^,]*,/, ""));
  const answer = await fetch(`/path?lang=${language}`, { method: "POST", body: new URLSearchParams({ receipt: encodeURIComponent(text) }) });
  const fragment = document.createElement("div");
  fragment.innerHTML = trusted.createHTML(await answer.text());
  const hashes = [...fragment.querySelectorAll("code")].map((code) => code.textContent);
  if (hashes[1] !== hex(receipt.leafHash) || (hashes[3] ?? "") !== (claim.dataset.root ?? "")) return;
  if (!$(".steps", details)) details.append(fragment);
};

// What stands in the answer is the server's word until this browser has come to the same.
const judge = (asked, name, file) => {
  const answer = $("[data-verdict]", place);
  if (!answer) return;
  for (const empty of answer.querySelectorAll("[data-t]"))
    empty.textContent = say.texts[empty.dataset.t].replace(/\{(\w+)\}/g, (_, name) => empty.dataset[name]);
  const wrong = contradiction(answer, asked, say.titles);
  if (wrong) {
    tell(`${say.contradiction} (${say.contradictions[wrong]})`);
    place.firstChild.dataset.contradiction = wrong;
    return;
  }
  const claims = [...answer.querySelectorAll("[data-claim]")].map((claim) => [claim, receiptOf(claim)]);
  for (const [claim, receipt] of claims) {
    showData($("dl", claim), receipt);
    $("[data-receipt]", claim).download = `${name}.jangkar.json`;
    const found = leads(claim, receipt) ? "recomputed" : claim.dataset.root ? "not-recomputed" : "unanchored";
    const line = element("p", say[found]);
    line.dataset.recomputed = found;
    $("[data-checks]", claim).after(line);
    $("details", claim).addEventListener("toggle", () => showPath(claim, receipt).catch(() => {}));
  }
  const link = $("[data-original]", answer);
  if (link && file) {
    const [start, end, behind] = asked.places[asked.revisions.indexOf(claims[0][1].documentDigest)];
    link.href = URL.createObjectURL(new Blob([file.slice(start, end), behind]));
    link.download = name;
    link.hidden = false;
    link.append(` (${end - start + behind.length} / ${file.size} byte)`);
  }
  const print = element("button", say.print);
  print.type = "button";
  print.addEventListener("click", async () => {
    for (const [claim] of claims) $("details", claim).open = true;
    await Promise.allSettled(claims.map(([claim, receipt]) => showPath(claim, receipt)));
    globalThis.print();
  });
  answer.append(print);
  for (const select of answer.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
};

const receiptText = async () => {
  const [file] = $("#receipt").files;
  if (!file) return "";
  if (file.size > 65536) throw say["receipt-too-large"];
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw say["receipt-not-text"];
  }
};

const check = async (file) => {
  if (!file.size) throw say["no-file"];
  // It stands in the answer that this one replaces.
  const issuer = $("#issuer")?.value ?? "";
  busy(say.hashing);
  const found = await fingerprint(file, (share) => busy(`${say.hashing} ${Math.round(share * 100)} %`));
  const receipt = await receiptText();
  busy(say.asking);
  const answer = await fetch(`/ask?lang=${language}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      digests: [found.digest, ...found.revisions],
      receipt,
      issuer,
    }),
  });
  place.innerHTML = trusted.createHTML(await answer.text());
  judge(found, file.name, file);
  place.firstElementChild?.focus();
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [file] = $("#file").files;
  const button = $("button", form);
  button.disabled = true;
  check(file)
    .catch((error) => tell(typeof error === "string" ? error : say.unreachable))
    .finally(() => (button.disabled = false));
});

$("#look-up").addEventListener("submit", (event) => {
  if (normalise($("#code").value) === null) {
    event.preventDefault();
    tell(say.mistyped);
  }
});

// A file may be dropped anywhere.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) {
    $("#file").files = event.dataTransfer.files;
    form.requestSubmit();
  }
});

// A page that a QR led to came with its answer.
const [, code] = location.pathname.match(/^\/v\/([^/]+)$/i) ?? [];
if (code) judge({ code: normalise(decodeURIComponent(code)) }, "sertifikat.pdf");
