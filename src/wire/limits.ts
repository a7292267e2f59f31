// The wire's bounds (L9), each with its reason. Sizes in bytes.

export const wireLimits = {
  /** One request or response frame. HBase's own limit, so that what it takes we take. */
  frameBytesMax: 268_435_456,
  /** A connection header holds a user, names and a few attributes: 400 bytes from real clients. */
  connectionHeaderBytesMax: 65_536,
  /** A request header of a frame that is too big is still read, to answer its call; no more of it. */
  requestHeaderBytesMax: 16_384,
  /** Connections of one server; each costs some kilobytes. Further ones are closed at once. */
  serverConnectionsMax: 8_192,
  /** Replies queued for one connection before we stop reading it: two scan replies of 2 MiB. */
  outboxBytesMax: 4 * 1_048_576,
  /** Calls under way on one connection before we stop reading it; real clients reach 800. */
  connectionCallsMax: 4_096,
  /** Calls under way in the server before CallQueueTooBig. */
  serverCallsMax: 16_384,
  /** Bytes of requests under way in the server before CallQueueTooBig: one frame of full size fits. */
  serverRequestBytesMax: 536_870_912,
  /** Client: calls under way on one connection before new ones are refused. */
  clientCallsMax: 16_384,
  /** Client: bytes queued on one connection before new calls are refused. */
  clientOutboxBytesMax: 67_108_864,
  /** Outgoing bytes share chunks of this size; larger replies get a chunk of their own. */
  chunkBytes: 65_536,
  /** Rows of HBase carry their length in a signed 16-bit number. */
  rowBytesMax: 32_767,
  /** A family's length is one byte; HBase allows what fits a signed one. */
  familyBytesMax: 127,
  /** Exceptions carry text from anywhere; clients keep it in memory and logs. */
  exceptionTextMax: 16_384,
} as const;
