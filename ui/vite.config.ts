import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // Relative addresses: the same files are served by Tauri's own scheme and by any static server.
  base: "./",
  build: {
    target: "safari16",
    // The polyfill would only be needed by engines older than the target.
    modulePreload: { polyfill: false },
    // Inlined files would be `data:` addresses, which the content security policy refuses.
    assetsInlineLimit: 0,
    rolldownOptions: { input: ["index.html", "incoming.html", "call.html"] },
  },
  // Component tests need Svelte's browser half, not the server one that Node would pick.
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  test: { environment: "jsdom", include: ["tests/**/*.test.ts"], setupFiles: ["tests/setup.ts"] },
}));
