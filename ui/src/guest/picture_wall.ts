// The pictures of a call: screens large, faces beside one another.

type PictureKind = "camera" | "screen";

export class PictureWall {
  private readonly shown = new Map<string, HTMLElement>();
  private names: ReadonlyMap<string, string> = new Map();

  constructor(private readonly wall: HTMLElement) {}

  /** What people are called. */
  name(names: ReadonlyMap<string, string>): void {
    this.names = names;
    for (const [key, figure] of this.shown) {
      const [session = ""] = key.split(" ");
      const caption = figure.querySelector("figcaption");
      if (caption && names.has(session)) caption.textContent = this.caption(session, figure.dataset.kind as PictureKind);
    }
  }

  /** Shows a picture, or takes it away. */
  show(session: string, kind: PictureKind, stream: MediaStream | null, name?: string): void {
    const key = `${session} ${kind}`;
    const known = this.shown.get(key);
    if (!stream) {
      known?.remove();
      this.shown.delete(key);
    } else {
      const video = known?.querySelector("video") ?? this.add(key, session, kind, name);
      if (video.srcObject !== stream) video.srcObject = stream;
    }
    this.wall.hidden = this.shown.size === 0;
    document.body.classList.toggle("pictures", this.shown.size > 0);
  }

  clear(): void {
    for (const figure of this.shown.values()) figure.remove();
    this.shown.clear();
    this.wall.hidden = true;
    document.body.classList.remove("pictures");
  }

  private add(key: string, session: string, kind: PictureKind, name?: string): HTMLVideoElement {
    const figure = document.createElement("figure");
    figure.dataset.kind = kind;
    figure.dataset.session = session;
    const video = document.createElement("video");
    video.autoplay = true;
    video.playsInline = true;
    // The sound has an element of its own.
    video.muted = true;
    const caption = document.createElement("figcaption");
    caption.textContent = name ?? this.caption(session, kind);
    figure.append(video, caption);
    if (kind === "screen") this.wall.prepend(figure);
    else this.wall.append(figure);
    this.shown.set(key, figure);
    return video;
  }

  private caption(session: string, kind: PictureKind): string {
    const name = this.names.get(session) ?? "Guest";
    return kind === "screen" ? `${name}’s screen` : name;
  }
}
