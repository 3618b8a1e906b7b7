// The choices of a device picker. Pure.

import type { DeviceRole, DeviceView, DevicesView } from "../sdk/contract";
import { TEXT } from "../words/text";

/** One entry of a picker. */
export interface DeviceChoice {
  /** `null`: the system's default. */
  name: string | null;
  label: string;
  chosen: boolean;
}

/** The system's default first, then every device; a chosen one that is gone is still shown, as what it is. */
export function deviceChoices(devices: DevicesView, role: DeviceRole): DeviceChoice[] {
  const present = presentFor(devices, role);
  const chosen = devices[role];
  const standard = present.find((device) => device.is_default);
  const choices: DeviceChoice[] = [
    { name: null, label: TEXT.settings.byDefault(standard?.label ?? null), chosen: chosen === null },
    ...distinct(present).map(({ name, label }) => ({ name, label, chosen: chosen === name })),
  ];
  if (chosen !== null && !present.some((device) => device.name === chosen)) {
    choices.push({ name: chosen, label: TEXT.settings.missing(chosen), chosen: true });
  }
  return choices;
}

function presentFor(devices: DevicesView, role: DeviceRole): readonly DeviceView[] {
  switch (role) {
    case "microphone":
      return devices.microphones;
    case "camera":
      return devices.cameras;
    case "speaker":
    case "ringer":
      return devices.speakers;
  }
}

/** Two devices of one make bear one label: the second becomes `label (2)`. */
function distinct(devices: readonly DeviceView[]): DeviceView[] {
  const seen = new Map<string, number>();
  return devices.map((device) => {
    const label = device.label || device.name;
    const count = (seen.get(label) ?? 0) + 1;
    seen.set(label, count);
    return { ...device, label: count === 1 ? label : `${label} (${count})` };
  });
}
