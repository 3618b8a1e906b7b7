export * from "../sdk/pictures";
