import { describe, expect, it } from "vitest";
import { changes, connects, offers } from "../../src/guest/call/mesh";

const user = (sessionId: string, inCall: number) => ({ sessionId, inCall, userId: "", displayName: "" });

describe("who offers", () => {
  it("is the larger session id when both have streams", () => {
    expect(offers(user("b", 3), user("a", 3))).toBe(true);
    expect(offers(user("a", 3), user("b", 3))).toBe(false);
  });
  it("compares ids as text, not by length", () => {
    expect(offers(user("b", 3), user("aaaa", 3))).toBe(true);
  });
  it("is the one with streams when the other has none", () => {
    expect(offers(user("a", 3), user("b", 1))).toBe(true);
    expect(offers(user("b", 1), user("a", 3))).toBe(false);
  });
});

describe("who connects", () => {
  it("needs both in the call and one with streams", () => {
    expect(connects(user("a", 3), user("b", 1))).toBe(true);
    expect(connects(user("a", 3), user("b", 0))).toBe(false);
    expect(connects(user("a", 0), user("b", 3))).toBe(false);
    expect(connects(user("a", 1), user("b", 1))).toBe(false);
  });
});

describe("changes", () => {
  it("names who came and who went, never ourselves", () => {
    const users = [user("own", 3), user("new", 3), user("kept", 3), user("outside", 0)];
    const { arrived, left } = changes(user("own", 3), ["kept", "gone"], users);
    expect(arrived.map((one) => one.sessionId)).toEqual(["new"]);
    expect(left).toEqual(["gone"]);
  });
  it("takes from a media server whatever is sent, and nothing from listeners", () => {
    const users = [user("own", 1), user("speaker", 3), user("listener", 1)];
    const { arrived } = changes(user("own", 1), [], users, true);
    expect(arrived.map((one) => one.sessionId)).toEqual(["speaker"]);
    expect(changes(user("own", 3), ["kept"], [user("own", 3), user("kept", 1)], true).left).toEqual(["kept"]);
    expect(changes(user("own", 0), [], [user("own", 0), user("speaker", 3)], true).arrived).toEqual([]);
  });
  it("drops everyone once we are out of the call", () => {
    expect(changes(user("own", 0), ["kept"], [user("own", 0), user("kept", 3)]).left).toEqual(["kept"]);
  });
});
