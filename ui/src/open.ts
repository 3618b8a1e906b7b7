// Puts a window's parts together: the window it lives in, the door to the core, the store.

import { shell } from "./platform/window";
import { BellbirdSdk } from "./sdk/sdk";
import { App } from "./state/app.svelte";

/** Opens the store of this window. In a development server `?fake=SCENE` puts a scripted core behind it. */
export async function openApp(options: { people?: boolean } = {}): Promise<App> {
  if (import.meta.env.DEV) {
    const scene = new URLSearchParams(location.search).get("fake");
    if (scene !== null) {
      const { FakeCore, FakePictures, stage } = await import("./platform/fake");
      const core = new FakeCore();
      const app = new App(new BellbirdSdk({ door: core, pictures: new FakePictures() }), options);
      stage(core, app, scene);
      return app;
    }
  }
  const around = shell();
  const sdk = new BellbirdSdk();
  await sdk.initializeSDK({ door: () => around.findDoor(), tracks: "frames" });
  // How it comes out stands on the screen; what is drawn waits for nothing.
  void sdk.connect();
  return new App(sdk, options);
}
