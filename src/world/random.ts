// Randomness, as the world gives it (L8). Not for secrets, except `bytes`.

export interface Random {
  /** Uniform in [0, 2^32). */
  u32(): number;
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
  /** In the real world from the operating system, good enough for secrets. */
  bytes(length: number): Buffer;
}
