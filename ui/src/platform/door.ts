export * from "../sdk/door";
