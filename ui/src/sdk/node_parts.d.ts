// The parts of Node that node.ts uses.

declare module "node:fs/promises" {
  export function readFile(path: string, encoding: "utf8"): Promise<string>;
}
declare module "node:os" {
  export function homedir(): string;
}
declare module "node:path" {
  export function join(...parts: string[]): string;
}
declare const process: { readonly env: Readonly<Record<string, string | undefined>>; readonly platform: string };
