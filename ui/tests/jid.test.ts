import { expect, test } from "vitest";

import { groupJid, parseJid, userJid } from "../src/sdk/jid";

test("JIDs say who and where, both ways", () => {
  for (const [id, server, jid] of [
    ["alice", "http://127.0.0.1:8090", "alice@127.0.0.1:8090"],
    ["alice", "https://cloud.example.org", "alice@cloud.example.org"],
    ["alice", "https://cloud.example.org/nextcloud/", "alice@cloud.example.org"],
    ["bob fischer@example.com", "https://cloud.example.org:8443", "bob\\20fischer\\40example.com@cloud.example.org:8443"],
    ["c:\\20 <x>", "https://h.example", "c\\3a\\5c20\\20\\3cx\\3e@h.example"],
    ["back\\slash", "https://h.example", "back\\slash@h.example"],
  ] as const) {
    expect(userJid(id, server)).toBe(jid);
    expect(parseJid(jid)).toEqual({ id, host: jid.slice(jid.lastIndexOf("@") + 1), kind: "user" });
  }
  expect(groupJid("ab12", "http://127.0.0.1:8090")).toBe("ab12@mix.127.0.0.1:8090");
  expect(parseJid("ab12@mix.127.0.0.1:8090")).toEqual({ id: "ab12", host: "127.0.0.1:8090", kind: "group" });
  expect(parseJid("x+y@guests.Cloud.Example")).toEqual({ id: "x+y", host: "cloud.example", kind: "guest" });
  for (const none of ["", "alice", "@host", "alice@", "alice@host/phone"]) expect(parseJid(none)).toBeNull();
});
