// Puts a window's parts together: the shell it lives in, the door to the core, the store.

import { CoreDoor } from "./platform/core";
import { shell } from "./platform/window";
import { App } from "./state/app.svelte";

/** Opens the store of this window. In a development server `?fake=SCENE` puts a scripted core behind it. */
export async function openApp(): Promise<App> {
  const around = shell();
  if (import.meta.env.DEV) {
    const scene = new URLSearchParams(location.search).get("fake");
    if (scene !== null) {
      const { FakeCore, stage } = await import("./platform/fake");
      const core = new FakeCore();
      const app = new App(core, around);
      stage(core, app, scene);
      return app;
    }
  }
  return new App(new CoreDoor(() => around.findDoor()), around);
}
