export * from "../sdk/contract";
