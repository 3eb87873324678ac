// Days of Indonesia's three zones: docs/spec/verification.md 2.

// Through when what ends at an instant holds: its last day in the zone where it ends there, else the instant.
export const through = (until, inDay, inTime) => {
  const hour = /T1([567]):00:00Z$/.exec(until)?.[1];
  return hour ? `${inDay(until.slice(0, 10))} (${["WIT", "WITA", "WIB"][hour - 5]})` : inTime(until);
};
