// Every sentence shown to people.

export * from "./calls";
export * from "./problems";
export * from "./screens";
export * from "./text";
