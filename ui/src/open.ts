// Puts a window's parts together: the window it lives in, the door to the core, the store.

import { CoreDoor } from "./sdk/core_door";
import { CorePictures } from "./platform/pictures";
import { shell } from "./platform/window";
import { App } from "./state/app.svelte";

/** Opens the store of this window. In a development server `?fake=SCENE` puts a scripted core behind it. */
export async function openApp(options: { people?: boolean } = {}): Promise<App> {
  if (import.meta.env.DEV) {
    const scene = new URLSearchParams(location.search).get("fake");
    if (scene !== null) {
      const { FakeCore, FakePictures, stage } = await import("./platform/fake");
      const core = new FakeCore();
      const app = new App(core, new FakePictures(), options);
      stage(core, app, scene);
      return app;
    }
  }
  const around = shell();
  const find = () => around.findDoor();
  return new App(new CoreDoor(find), new CorePictures(find), options);
}
