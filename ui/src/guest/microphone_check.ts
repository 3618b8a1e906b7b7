// Shows how loud the microphone is, before anything of it goes anywhere.

/** Loudness from here on fills the meter, as root mean square. */
const FULL = 0.25;

export class MicrophoneCheck {
  private context: AudioContext | null = null;
  private stream: MediaStream | null = null;

  constructor(private readonly loudness: (value: number) => void) {}

  /** Listens to the microphone until `stop`, which also switches it off. */
  async start(stream: MediaStream): Promise<void> {
    this.stop();
    this.stream = stream;
    this.context = new AudioContext();
    await this.context.resume();
    const analyser = this.context.createAnalyser();
    this.context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      if (this.stream !== stream) return;
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      this.loudness(Math.min(1, Math.sqrt(power) / FULL));
      requestAnimationFrame(look);
    };
    look();
  }

  stop(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    void this.context?.close();
    this.context = null;
    this.loudness(0);
  }
}
