import { defineConfig } from "vite";

/** The guests' page is a bundle of its own: a server serves it to browsers that have no app, and it carries nothing of the window. */
export default defineConfig({
  base: "./",
  build: {
    outDir: "dist-guest",
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { input: ["guest.html"] },
  },
});
