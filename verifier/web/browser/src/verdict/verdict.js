// From checks to one verdict. Source: docs/spec/verification.md 3 and 4.

const UNPROVEN_ISSUER = ["other-profile", "not-accredited", "key-not-active", "key-compromised"];
const NO_EXCUSE = ["other-issuer", "key-compromised"];
const IN_DOUBT = ["revoked", "suspended"];
const NOT_IN_FORCE = [...IN_DOUBT, "superseded", "expired"];
const GENUINE = ["valid", "recorded", ...NOT_IN_FORCE];
const BEST_FIRST = [...GENUINE, "modified", "untrusted", "invalid"];

export const isProven = ({ checks: [, inclusion, anchor, issuer] }) =>
  inclusion.outcome === "pass" && anchor.outcome === "pass" && !UNPROVEN_ISSUER.includes(issuer.reason);

const ofAnAlteredFile = (proof) => {
  const outcomes = proof.slice(1).map((check) => check.outcome);
  if (outcomes.includes("fail")) return "invalid";
  return outcomes.slice(0, 2).includes("unknown") ? "undetermined" : "modified";
};

// The verdict on one claim: {receipt, facts, checks}.
export const verdictOf = ({ checks }) => {
  const proof = checks.slice(0, 4);
  const status = checks[4];
  if (proof[0].reason === "earlier-revision") return ofAnAlteredFile(proof);
  const outcomes = proof.map((check) => check.outcome);
  const failed = proof.filter((check) => check.outcome === "fail").map((check) => check.reason);
  const isHeld = status.outcome === "fail" && outcomes[1] === "pass" && outcomes[2] === "pass";
  const excused = failed.every((reason) => NO_EXCUSE.includes(reason)) && IN_DOUBT.includes(status.reason);
  if (isHeld && (!failed.length || excused)) return status.reason;
  if (failed.length === 1 && failed[0] === "key-compromised") return "untrusted";
  if (failed.length) return "invalid";
  if ([...outcomes.slice(1), status.outcome].includes("unknown")) return "undetermined";
  return outcomes[0] === "unknown" ? "recorded" : "valid";
};

// One verdict over all claims on a file: {verdict, reason, claims}, the deciding claim first.
export const combine = (claims, { pending, lookedUp }) => {
  const of = (...verdicts) => claims.filter((claim) => verdicts.includes(verdictOf(claim)));
  const answer = (verdict, reason, first) => ({
    verdict,
    reason,
    claims: [...first, ...claims.filter((claim) => !first.includes(claim))],
  });
  for (const verdict of IN_DOUBT) if (of(verdict).length) return answer(verdict, "claim", of(verdict));
  const rivals = of(...GENUINE, "modified");
  if (of(...GENUINE).length && new Set(rivals.map((claim) => claim.receipt.issuerId)).size > 1) {
    const anchoredAt = (claim) => Number(claim.facts.anchor?.blockTime ?? 0);
    return answer("undetermined", "contested", rivals.sort((one, other) => anchoredAt(one) - anchoredAt(other)));
  }
  if (of("undetermined").length) return answer("undetermined", "claim", of("undetermined"));
  if (pending && of("modified").length === claims.length) return answer("pending", "pending", claims);
  for (const verdict of BEST_FIRST) if (of(verdict).length) return answer(verdict, "claim", of(verdict));
  return lookedUp ? answer("not_found", "not-found", []) : answer("undetermined", "nothing-to-check", []);
};
