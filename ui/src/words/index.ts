// Every sentence shown to people.

export * from "./calls";
export * from "./problems";
export * from "./remote_join";
export * from "./screens";
export * from "./text";
export * from "./video_request";
